/* SPDX-License-Identifier: Apache-2.0 */
/* The body of a message as the object that the core handles: what read-body.ts makes of the same bytes. */
#include "xsmc.h"
#include "body.h"
#include "seal.h"

enum { MESSAGE_MAX = 1024, NAMES = 3 };
/* Variables of the call: an array of the body, an object inside of it, and a value. */
enum { LIST, INNER, VALUE, VARIABLES };

static void setNumber(xsMachine* the, xsSlot* object, const char* property, int64_t number)
{
	if (number >= INT32_MIN && number <= INT32_MAX)
		xsmcSetInteger(xsVar(VALUE), (xsIntegerValue)number);
	else
		xsmcSetNumber(xsVar(VALUE), (xsNumberValue)number);
	xsmcDefine(*object, xsID(property), xsVar(VALUE), xsDefault);
}

/* An index that was not agreed leaves no body. */
static bool setName(xsMachine* the, xsSlot* object, const char* property, uint32_t index)
{
	xsmcGetIndex(xsVar(VALUE), xsArg(NAMES), index);
	if (xsmcTypeOf(xsVar(VALUE)) != xsIntegerType)
		return false;
	xsmcDefine(*object, xsID(property), xsVar(VALUE), xsDefault);
	return true;
}

static void setTime(xsMachine* the, const ebBody* body)
{
	if (body->keys & 1 << EB_TIME)
		setNumber(the, &xsResult, "timeMs", (int64_t)body->numbers[EB_TIME] * 1000);
	else {
		xsmcSetUndefined(xsVar(VALUE));
		xsmcDefine(xsResult, xsID("timeMs"), xsVar(VALUE), xsDefault);
	}
}

static bool setSource(xsMachine* the, const uint32_t source[3])
{
	xsmcSetNewObject(xsVar(INNER));
	xsmcDefine(xsResult, xsID("source"), xsVar(INNER), xsDefault);
	return setName(the, &xsVar(INNER), "device", source[0]) && setName(the, &xsVar(INNER), "service", source[1]) && setName(the, &xsVar(INNER), "stakeholder", source[2]);
}

static bool setSelector(xsMachine* the, const uint32_t selector[3])
{
	xsmcSetNewObject(xsVar(INNER));
	xsmcDefine(xsResult, xsID("selector"), xsVar(INNER), xsDefault);
	setNumber(the, &xsVar(INNER), "variable", selector[0]);
	return setName(the, &xsVar(INNER), "device", selector[1]) && setName(the, &xsVar(INNER), "owner", selector[2]);
}

static void setPolicy(xsMachine* the, const ebItem* item)
{
	xsmcSetUndefined(xsVar(VALUE));
	if (item->hasPolicy) {
		xsmcSetArrayBuffer(xsVar(VALUE), (void*)item->policy, EB_POLICY_HASH);
		xsmcNew(xsVar(VALUE), xsGlobal, xsID("Uint8Array"), &xsVar(VALUE), NULL);
	}
	xsmcDefine(xsVar(INNER), xsID("policy"), xsVar(VALUE), xsDefault);
}

static bool setItem(xsMachine* the, const ebItem* item, int64_t timeMs)
{
	setNumber(the, &xsVar(INNER), "variable", item->variable);
	if (item->isBoolean) {
		xsmcSetBoolean(xsVar(VALUE), item->value != 0);
		xsmcDefine(xsVar(INNER), xsID("value"), xsVar(VALUE), xsDefault);
	}
	else
		setNumber(the, &xsVar(INNER), "value", item->value);
	setNumber(the, &xsVar(INNER), "timeMs", timeMs + item->offsetMs);
	if (!setName(the, &xsVar(INNER), "device", item->device) || !setName(the, &xsVar(INNER), "owner", item->owner))
		return false;
	setPolicy(the, item);
	return true;
}

static bool setItems(xsMachine* the, const ebBody* body)
{
	const xsIndex count = (xsIndex)body->numbers[EB_ITEMS];
	xsmcSetNewArray(xsVar(LIST), (xsIntegerValue)count);
	xsmcDefine(xsResult, xsID("items"), xsVar(LIST), xsDefault);
	for (xsIndex i = 0; i < count; i++) {
		xsmcSetNewObject(xsVar(INNER));
		xsmcSetIndex(xsVar(LIST), i, xsVar(INNER));
		if (!setItem(the, &body->items[i], (int64_t)body->numbers[EB_TIME] * 1000))
			return false;
	}
	return true;
}

static void setCondition(xsMachine* the, const ebBody* body)
{
	const xsIndex count = (xsIndex)body->numbers[EB_CONDITION];
	xsmcSetNewArray(xsVar(LIST), (xsIntegerValue)count);
	xsmcDefine(xsResult, xsID("condition"), xsVar(LIST), xsDefault);
	for (xsIndex i = 0; i < count; i++) {
		xsmcSetNewObject(xsVar(INNER));
		xsmcSetIndex(xsVar(LIST), i, xsVar(INNER));
		setNumber(the, &xsVar(INNER), "field", body->terms[i].field);
		setNumber(the, &xsVar(INNER), "comparison", body->terms[i].comparison);
		setNumber(the, &xsVar(INNER), "operand", body->terms[i].operand);
	}
}

/* Properties that are there where their key is. */
static bool setWhatIsThere(xsMachine* the, const ebBody* body)
{
	static const struct {
		uint8_t key;
		const char* property;
	} numbers[] = { { EB_ID, "id" }, { EB_FUNCTION, "function" }, { EB_PERIOD, "periodMs" }, { EB_HOPS, "hops" } };
	const uint32_t keys = body->keys;
	if ((keys & 1 << EB_SOURCE && !setSource(the, body->source)) || (keys & 1 << EB_ITEMS && !setItems(the, body)) || (keys & 1 << EB_SELECTOR && !setSelector(the, body->selector)))
		return false;
	if (keys & 1 << EB_CONDITION)
		setCondition(the, body);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (keys & 1 << numbers[i].key)
			setNumber(the, &xsResult, numbers[i].property, (int64_t)body->numbers[numbers[i].key]);
	return !(keys & 1 << EB_AT) || setName(the, &xsResult, "at", (uint32_t)body->numbers[EB_AT]);
}

/* An answer has all its properties: what its keys leave out is 0 or empty. */
static bool setAnswer(xsMachine* the, const ebBody* body)
{
	setNumber(the, &xsResult, "id", (int64_t)body->numbers[EB_ID]);
	setNumber(the, &xsResult, "result", (int64_t)body->numbers[EB_RESULT]);
	setNumber(the, &xsResult, "retryAfterMs", (int64_t)body->numbers[EB_RETRY_AFTER]);
	return setItems(the, body);
}

void ebSealRead(xsMachine* the)
{
	static const char name[] = "read";
	ebBody body;
	const size_t start = (size_t)ebSealNumber(the, 1, name, 0, MESSAGE_MAX), end = (size_t)ebSealNumber(the, 2, name, (int64_t)start, MESSAGE_MAX);
	const ebPart message = ebSealBuffer(the, 0, name, MESSAGE_MAX);
	if (end > message.size)
		xsRangeError("%s: payload ends beyond the message", name);
	if (xsmcArgc <= NAMES || xsmcTypeOf(xsArg(NAMES)) != xsReferenceType)
		xsTypeError("%s: argument %d is no array", name, NAMES + 1);
	if (!ebReadBody((const uint8_t*)message.bytes + start, end - start, &body))
		return;
	/* From here on buffers may move: all that is needed of the message is in the body. */
	xsmcVars(VARIABLES);
	xsmcSetNewObject(xsResult);
	setNumber(the, &xsResult, "op", (int64_t)body.numbers[EB_OPERATION]);
	setNumber(the, &xsResult, "sequence", (int64_t)body.numbers[EB_SEQUENCE]);
	setTime(the, &body);
	if (!(body.numbers[EB_OPERATION] == EB_NOTIFY ? setAnswer(the, &body) : setWhatIsThere(the, &body)))
		xsmcSetUndefined(xsResult);
}
