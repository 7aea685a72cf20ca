/* SPDX-License-Identifier: Apache-2.0 */
/* The bodies of session messages that a device is sent all day, read from CBOR. Knows nothing of the engine. */
#ifndef EBALANCE_BODY_H
#define EBALANCE_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { EB_WRITE = 1, EB_QUERY, EB_EVENT, EB_PERIODIC, EB_UNSUBSCRIBE, EB_ALIVE, EB_NOTIFY };
/* Keys of the map: session-message.cddl. */
enum {
	EB_OPERATION = 1, EB_SOURCE, EB_SEQUENCE, EB_TIME, EB_ITEMS, EB_SELECTOR, EB_CONDITION, EB_ID = 9, EB_FUNCTION,
	EB_RESULT, EB_RETRY_AFTER, EB_PERIOD = 15, EB_HOPS, EB_AT = 18, EB_KEYS,
};
enum { EB_ITEMS_MAX = 4, EB_TERMS_MAX = 4, EB_POLICY_HASH = 8 };

typedef struct {
	int64_t value, offsetMs;
	uint32_t variable, device, owner;
	bool isBoolean, hasPolicy;
	uint8_t policy[EB_POLICY_HASH];
} ebItem;

typedef struct {
	uint8_t field, comparison;
	int64_t operand;
} ebTerm;

typedef struct {
	uint32_t keys;              /* Bit k: key k is there. */
	uint64_t numbers[EB_KEYS];  /* The number of each key that has one; how many items and terms there are. */
	uint32_t source[3];         /* Device, service, stakeholder: names are indexes. */
	uint32_t selector[3];       /* Variable, device, owner. */
	union {
		ebItem items[EB_ITEMS_MAX];
		ebTerm terms[EB_TERMS_MAX];
	};
} ebBody;

/*
 * Reads a body, as strictly as read-body.ts does. Says false for what that refuses, and for what a device is hardly ever sent: announcements,
 * policies in full, values that are texts, bytes or floats, more items than EB_ITEMS_MAX.
 */
bool ebReadBody(const uint8_t* bytes, size_t size, ebBody* body);

#endif
