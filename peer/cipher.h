/* SPDX-License-Identifier: BSD-2-Clause
 *
 * How the block of a retrieval answer is encrypted: AES in CBC mode under the first octets of the
 * segment's secret, padded as PKCS#7 (retrieval.md section 7). Fetched from OpenSSL once per
 * process; any thread may call, and each keeps its own contexts until it ends. No key stays in a
 * context after a call. Sizes are octets of one block. Calls give 0; -ENOMEM; -ENOSYS when OpenSSL
 * has not the function; after a failure nothing of what was written is to be used.
 */
#ifndef PEER_CIPHER_H
#define PEER_CIPHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Values of CryptoAlgoId. */
enum cipher_algorithm {
	CIPHER_NONE, /* the block as it is, and no IV */
	CIPHER_AES_128,
	CIPHER_AES_192,
	CIPHER_AES_256,
	CIPHER_ALGORITHMS
};

#define CIPHER_IV_SIZE 16u
#define CIPHER_PADDING_MAX 16u /* what encryption adds to a block, at most */
/* Our choice: far more than any message carries, and an int holds it, as OpenSSL wants. */
#define CIPHER_SIZE_MAX (1u << 30)

/* "none", "aes-128", ... */
const char *cipher_name(enum cipher_algorithm algorithm);
/* Octets of the secret that are the key; 0 for CIPHER_NONE. Every secret has 32 at least. */
size_t cipher_key_size(enum cipher_algorithm algorithm);

/* What a server answers with to one who wishes WISH. Plaintext only to who asks for it, and only if
 * the administrator allows it: an id, which is broadcast, would be enough to read the content. */
enum cipher_algorithm cipher_choose(enum cipher_algorithm wish, bool plaintext_allowed);

/* Octets that a block of SIZE becomes. */
size_t cipher_sealed_size(enum cipher_algorithm algorithm, size_t size);
/* Whether SEALED_SIZE octets can be a block of SIZE, which content information says: as
 * cipher_sealed_size, or not padded by a sender that found nothing to fill up. SIZE 0: never. */
bool cipher_plausible(enum cipher_algorithm algorithm, size_t size, size_t sealed_size);

/* Octets that nobody can guess; new ones for every answer. -EIO: there are none. */
int cipher_random_iv(uint8_t iv_out[CIPHER_IV_SIZE]);

/* SIZE: not 0. SEALED_OUT gets cipher_sealed_size octets; it is BLOCK itself, or lies apart from
 * it. With CIPHER_NONE, IV and SECRET may be NULL, here and below. */
int cipher_encrypt(enum cipher_algorithm algorithm, const uint8_t *secret, const uint8_t *iv,
		   const void *block, size_t size, uint8_t *sealed_out);
/* BLOCK_OUT gets SIZE octets; it is SEALED itself, or lies apart from it. -EBADMSG: not
 * cipher_plausible. The padding is not looked at: the hash of the block, which the caller must
 * check, decides alone, so that nothing we do tells about the padding. */
int cipher_decrypt(enum cipher_algorithm algorithm, const uint8_t *secret, const uint8_t *iv,
		   const void *sealed, size_t sealed_size, uint8_t *block_out, size_t size);

#endif
