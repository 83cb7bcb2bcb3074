# SPDX-License-Identifier: BSD-2-Clause
"""The exported key file of Windows, for peerdist_model.py (section 5 of the digest). The standard
library has no AES, so here is one, slow."""
import hashlib

WHY = "wrong passphrase or not a key file"


class NoKey(ValueError):
    pass


def aes_tables():
    """The S-box: inverses in GF(2^8), then the affine map; and its inverse."""
    box, value, inverse = [0] * 256, 1, 1
    while True:
        value ^= (value << 1) ^ (0x11B if value & 0x80 else 0)  # times 3, a generator
        value &= 0xFF
        for shift in (1, 2, 4):                                # divided by 3
            inverse ^= inverse << shift
        inverse &= 0xFF
        inverse ^= 0x09 if inverse & 0x80 else 0
        turned = inverse * 0x0101
        box[value] = (inverse ^ turned >> 7 ^ turned >> 6 ^ turned >> 5 ^ turned >> 4) & 0xFF ^ 0x63
        if value == 1:
            break
    box[0] = 0x63
    back = [0] * 256
    for index, value in enumerate(box):
        back[value] = index
    return box, back


SBOX, SBOX_BACK = aes_tables()


def times(a, b):
    product = 0
    while b:
        product ^= a if b & 1 else 0
        a = (a << 1) ^ (0x11B if a & 0x80 else 0)
        b >>= 1
    return product


class Aes256:
    """FIPS 197, one block at a time."""

    def __init__(self, key):
        words, constant = [list(key[i:i + 4]) for i in range(0, 32, 4)], 1
        for index in range(8, 60):
            word = words[-1]
            if index % 8 == 0:
                word = [SBOX[b] for b in word[1:] + word[:1]]
                word[0] ^= constant
                constant = times(constant, 2)
            elif index % 8 == 4:
                word = [SBOX[b] for b in word]
            words.append([a ^ b for a, b in zip(words[index - 8], word)])
        self.rounds = [sum(words[i:i + 4], []) for i in range(0, 60, 4)]

    @staticmethod
    def mix(state, factors):
        mixed = []
        for column in range(0, 16, 4):
            for row in range(4):
                value = 0
                for k in range(4):
                    value ^= times(state[column + (row + k) % 4], factors[k])
                mixed.append(value)
        return mixed

    def encrypt(self, block):
        state = [a ^ b for a, b in zip(block, self.rounds[0])]
        for number, key in enumerate(self.rounds[1:], 1):
            state = [SBOX[state[(i + 4 * (i % 4)) % 16]] for i in range(16)]
            if number < 14:
                state = self.mix(state, (2, 3, 1, 1))
            state = [a ^ b for a, b in zip(state, key)]
        return bytes(state)

    def decrypt(self, block):
        state = list(block)
        for number in range(14, 0, -1):
            state = [a ^ b for a, b in zip(state, self.rounds[number])]
            if number < 14:
                state = self.mix(state, (14, 11, 13, 9))
            state = [SBOX_BACK[state[(i - 4 * (i % 4)) % 16]] for i in range(16)]
        return bytes(a ^ b for a, b in zip(state, self.rounds[0]))


def exclusive_or(left, right):
    return bytes(a ^ b for a, b in zip(left, right))


def key_cipher(passphrase):
    return Aes256(hashlib.sha256(passphrase.encode("utf-16-le", "surrogatepass")).digest())


def export_key(secret_key, passphrase):
    if not secret_key:
        raise NoKey("no secret key")
    plain = hashlib.sha256(secret_key).digest() + secret_key
    padding = 16 - len(plain) % 16
    plain += bytes([padding]) * padding
    cipher, before, out = key_cipher(passphrase), bytes(16), b""
    for at in range(0, len(plain), 16):
        before = cipher.encrypt(exclusive_or(plain[at:at + 16], before))
        out += before
    return out


def import_key(data, passphrase):
    if len(data) < 48 or len(data) % 16:
        raise NoKey(WHY)
    cipher, before, plain = key_cipher(passphrase), bytes(16), b""
    for at in range(0, len(data), 16):
        plain += exclusive_or(cipher.decrypt(data[at:at + 16]), before)
        before = data[at:at + 16]
    padding = plain[-1]
    if not 1 <= padding <= 16 or plain[-padding:] != bytes([padding]) * padding:
        raise NoKey(WHY)
    plain = plain[:-padding]
    if len(plain) < 33 or hashlib.sha256(plain[32:]).digest() != plain[:32]:
        raise NoKey(WHY)
    return plain[32:]
