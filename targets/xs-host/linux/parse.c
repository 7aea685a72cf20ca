/* SPDX-License-Identifier: Apache-2.0 */
/* Modules from text to bytecode, on the build computer: a device has no parser. */
#include "host.h"

static txScript* parse(txMachine* the, const char* path, void* stream, txGetter getter, size_t size)
{
	txParser parserRecord;
	txParser* parser = &parserRecord;
	txParserJump jump;
	txString name = NULL;
	txScript* volatile script = NULL; /* survives the parser's longjmp */
	/* The buffer must hold the longest token. */
	fxInitializeParser(parser, the, (txSize)size + 4096, 1993);
	parser->firstJump = &jump;
	if (c_setjmp(jump.jmp_buf) == 0) {
		parser->path = fxNewParserSymbol(parser, (txString)path);
		fxParserTree(parser, stream, getter, 0, &name);
		fxParserHoist(parser);
		fxParserBind(parser);
		script = fxParserCode(parser);
	}
	fxTerminateParser(parser);
	if (!script)
		ebFail(EXIT_UNHANDLED, "%s: no bytecode", path);
	return script;
}

txScript* ebParseFile(txMachine* the, const char* path)
{
	FILE* file = fopen(path, "r");
	if (!file || fseek(file, 0, SEEK_END) != 0)
		ebFail(EXIT_USAGE, "%s: %s", path, strerror(errno));
	long size = ftell(file);
	rewind(file);
	if (size < 0 || size > 64L << 20)
		ebFail(EXIT_USAGE, "%s: not a module", path);
	txScript* script = parse(the, path, file, (txGetter)fgetc, (size_t)size);
	fclose(file);
	return script;
}

txScript* ebParseText(txMachine* the, const char* name, const char* source)
{
	txStringCStream stream = { (txString)source, 0, (txSize)strlen(source) };
	return parse(the, name, &stream, fxStringCGetter, strlen(source));
}
