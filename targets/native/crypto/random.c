/* SPDX-License-Identifier: Apache-2.0 */
/* Random bytes for mbedTLS on the test host; a chip's SDK brings its own. */
#include <errno.h>
#include <psa/crypto.h>
#include <sys/random.h>

psa_status_t mbedtls_psa_external_get_random(mbedtls_psa_external_random_context_t* context,
	uint8_t* output, size_t size, size_t* length)
{
	size_t done = 0;
	(void)context;
	while (done < size) {
		ssize_t count = getrandom(output + done, size - done, 0);
		if (count > 0)
			done += (size_t)count;
		else if (errno != EINTR)
			return PSA_ERROR_INSUFFICIENT_ENTROPY;
	}
	*length = done;
	return PSA_SUCCESS;
}
