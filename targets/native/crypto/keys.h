/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the native crypto module share: the table of keys, and how arguments are read. */
#ifndef EBALANCE_KEYS_H
#define EBALANCE_KEYS_H

#ifdef ESP_PLATFORM
	/* As the chip SDK's own build says on its command line: the sizes of PSA's operations depend on it. */
	#define MBEDTLS_CONFIG_FILE "mbedtls/esp_config.h"
	#define TF_PSA_CRYPTO_USER_CONFIG_FILE "mbedtls/esp_config.h"
#endif
#include "xsmc.h"
#include "crypto.h"
#include <psa/crypto.h>

/* What a key may be used for; the numbers are those of the JavaScript face. */
enum {
	USE_MAC,
	USE_DERIVE,
	USE_AES_CCM_64,
	USE_AES_CCM_128,
	USE_AES_GCM,
	USE_CHACHA20_POLY1305,
	USE_WRAP,
	USE_ES256,
	USE_ECDH_P256,
	USE_X25519,
	USE_VERIFY_ES256,
	USES
};

/* What the bits of a set of uses are. */
#define USE_BIT(use) (1u << (use))
#define SECRET_USES (USE_BIT(USE_WRAP + 1) - 1)
#define AEAD_USES (USE_BIT(USE_WRAP) - USE_BIT(USE_AES_CCM_64))
#define PRIVATE_USES (USE_BIT(USE_VERIFY_ES256) - USE_BIT(USE_ES256))
#define ALL_USES (USE_BIT(USES) - 1)

/* HMAC's two hash states after the padded key, RFC 2104: each tag starts from copies of them, see docs/decisions/0008. */
typedef struct {
	psa_hash_operation_t inner;
	psa_hash_operation_t outer;
} ebPads;

typedef struct {
	int used;
	int use;
	uint32_t id;
	psa_key_id_t key; /* in PSA's key store, of all but "mac" */
	ebPads* pads;     /* for "mac" */
} ebKey;

/* Throws what PSA says: a RangeError for an argument that is not valid. */
void ebCheck(xsMachine* the, const char* name, psa_status_t status);
/* The compiler must not leave it out. */
void ebWipe(void* bytes, size_t size);

xsIntegerValue ebIntegerArgument(xsMachine* the, int index, const char* name);
/* Buffers come last, directly before they are used: reading a number could run a script and move them. */
void* ebBufferArgument(xsMachine* the, int index, const char* name, int writable, size_t* size);
/* One use of a set. */
int ebUseArgument(xsMachine* the, int index, const char* name, unsigned uses);
/* A key with one use of a set. */
ebKey* ebKeyArgument(xsMachine* the, int index, const char* name, unsigned uses);
/* Buffer and length that stand beside each other: the length is at most that of the buffer. */
const uint8_t* ebDataArgument(xsMachine* the, int index, const char* name, size_t* length);

/* The place of a new key; then the id under which it is kept. */
ebKey* ebFreeKey(xsMachine* the, const char* name);
xsIntegerValue ebKeepKey(ebKey* key, int use, psa_key_id_t id, ebPads* pads);
ebKey* ebFindKey(uint32_t id);
/* Whether a key for this has so many bytes. */
int ebIsKeySize(size_t size, int use);
/* Takes the bytes of a key in; their number has been checked. */
psa_status_t ebTakeKey(const uint8_t* bytes, size_t size, int use, psa_key_id_t* id, ebPads** pads);
/* What PSA knows of a key for this. */
psa_key_attributes_t ebAttributes(int use);
/* The algorithm of a key for this. */
psa_algorithm_t ebAlgorithm(int use);
/* An uncompressed point of P-256: newer versions of PSA take others too. Whether it is on the curve is for PSA to say. */
int ebIsPoint(const uint8_t* bytes, size_t size);
#endif
