/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mbedTLS for the test host: the PSA Crypto API with what the crypto port is asked for, and nothing else. A program of the emulated chip that
 * only authenticates is built with EBALANCE_MAC_ONLY, which leaves SHA-256, HMAC and HKDF: PSA's import of keys refers to every kind of key
 * that it has. On a chip its SDK configures mbedTLS; this file is not used.
 */
#ifndef EBALANCE_MBEDTLS_CONFIG_H
#define EBALANCE_MBEDTLS_CONFIG_H

/* Six keys a session: a device has one or two sessions, the tests on this host a dozen at once. */
#ifndef MBEDTLS_PSA_KEY_SLOT_COUNT
	#define MBEDTLS_PSA_KEY_SLOT_COUNT 64
#endif
#define MBEDTLS_PSA_CRYPTO_C
/* Random bytes come from the operating system, see random.c. */
#define MBEDTLS_PSA_CRYPTO_EXTERNAL_RNG

#define MBEDTLS_MD_C
#define MBEDTLS_SHA256_C
#define MBEDTLS_HKDF_C
/* The PSA layer of this version does not compile without the cipher layer. */
#define MBEDTLS_CIPHER_C
#define MBEDTLS_AES_C

#define MBEDTLS_PLATFORM_C

#ifndef EBALANCE_MAC_ONLY
	#define MBEDTLS_CCM_C
	#define MBEDTLS_GCM_C
	#define MBEDTLS_CHACHA20_C
	#define MBEDTLS_POLY1305_C
	#define MBEDTLS_CHACHAPOLY_C

	#define MBEDTLS_BIGNUM_C
	#define MBEDTLS_ECP_C
	#define MBEDTLS_ECP_DP_SECP256R1_ENABLED
	#define MBEDTLS_ECP_DP_CURVE25519_ENABLED
	#define MBEDTLS_ECP_NIST_OPTIM
	/* The PSA layer gives randomness to everything that computes with a secret. */
	#define MBEDTLS_ECP_NO_INTERNAL_RNG
	#define MBEDTLS_ECDH_C
	#define MBEDTLS_ECDSA_C
	#define MBEDTLS_ECDSA_DETERMINISTIC
	#define MBEDTLS_HMAC_DRBG_C
	#define MBEDTLS_ASN1_PARSE_C
	#define MBEDTLS_ASN1_WRITE_C
#endif

#include "mbedtls/check_config.h"

#endif
