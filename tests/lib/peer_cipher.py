# SPDX-License-Identifier: BSD-2-Clause
"""Encryption of blocks as the retrieval protocol has it (digest section 7), for tests: AES-CBC by
OpenSSL's library, called directly since the standard library of Python has no AES."""
import ctypes
import functools

NAMES = ("none", "aes-128", "aes-192", "aes-256")  # by CryptoAlgoId
KEY_SIZES = (0, 16, 24, 32)


class Undecryptable(ValueError):
    """The ciphertext cannot be of such a block."""


@functools.lru_cache(None)
def library():
    crypto = ctypes.CDLL("libcrypto.so.3")
    for name in ("EVP_CIPHER_CTX_new", "EVP_aes_128_cbc", "EVP_aes_192_cbc", "EVP_aes_256_cbc"):
        getattr(crypto, name).restype = ctypes.c_void_p
    return crypto


def transform(algorithm, secret, initial, data, encrypt):
    crypto = library()
    kind = getattr(crypto, f"EVP_{NAMES[algorithm].replace('-', '_')}_cbc")()
    context = ctypes.c_void_p(crypto.EVP_CIPHER_CTX_new())
    out, done = ctypes.create_string_buffer(len(data) + 32), ctypes.c_int(0)
    try:
        # The leading bytes of the secret are the key.
        good = crypto.EVP_CipherInit_ex(context, ctypes.c_void_p(kind), None,
                                        secret[:KEY_SIZES[algorithm]], initial, int(encrypt))
        crypto.EVP_CIPHER_CTX_set_padding(context, 0)
        good = good and crypto.EVP_CipherUpdate(context, out, ctypes.byref(done), data, len(data))
    finally:
        crypto.EVP_CIPHER_CTX_free(context)
    if not good or done.value != len(data):
        raise RuntimeError("AES failed")
    return out.raw[:done.value]


def seal(algorithm, secret, initial, block):
    """With PKCS#7, always at least one octet of it; algorithm 0: as it is."""
    if algorithm == 0:
        return block
    padding = 16 - len(block) % 16
    return transform(algorithm, secret, initial, block + bytes([padding]) * padding, True)


def unseal(algorithm, secret, initial, sealed, length=None):
    """LENGTH: of the block, as content information has it; None: strictly by PKCS#7."""
    if algorithm == 0:
        if length is not None and len(sealed) != length:
            raise Undecryptable(f"{len(sealed)} octets of plaintext, not {length}")
        return sealed
    if not sealed or len(sealed) % 16:
        raise Undecryptable(f"{len(sealed)} octets of ciphertext")
    if len(initial) != 16:
        raise Undecryptable(f"initial vector of {len(initial)} octets")
    if length is not None and len(sealed) not in (length // 16 * 16 + 16, length + length % 16):
        raise Undecryptable(f"{len(sealed)} octets of ciphertext for {length}")
    plain = transform(algorithm, secret, initial, sealed, False)
    if length is not None:
        return plain[:length]
    padding = plain[-1]
    if not 1 <= padding <= 16 or plain[-padding:] != bytes([padding]) * padding:
        raise Undecryptable("padding")
    return plain[:-padding]
