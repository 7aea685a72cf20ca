/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mbedTLS for the test host: the PSA Crypto API with SHA-256, HMAC and HKDF,
 * and nothing else. On a chip its SDK configures mbedTLS; this file is not used.
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

#include "mbedtls/check_config.h"

#endif
