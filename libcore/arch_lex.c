/*
 * arch_lex: an architecture text cut into tokens. The rule of cv-arch(5) for newlines is kept here:
 * one means '|' unless it follows | , ( [ { = or stands before | , ) ] }, so the parser sees only
 * those that do.
 */
#include "arch_ast.h"

#include <string.h>

static bool is_chunk(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
	       || (c && strchr("_.%+-*/", c));
}

/* One character on; bytes that continue a UTF-8 sequence share its column. */
static void step(struct arch_lexer *l)
{
	if (*l->p == '\n') {
		l->pos.line++;
		l->pos.col = 1;
	} else if (((unsigned char)l->p[1] & 0xc0) != 0x80) {
		l->pos.col++;
	}
	l->p++;
}

/* Over blanks, comments and newlines; true if a newline was among them. */
static bool skip_blanks(struct arch_lexer *l)
{
	bool newline = false;
	for (;;) {
		if (*l->p == '#')
			while (*l->p && *l->p != '\n')
				step(l);
		if (*l->p == '\n')
			newline = true;
		else if (!*l->p || !strchr(" \t\r\f\v", *l->p))
			return newline;
		step(l);
	}
}

static enum arch_token_kind kind_of(char c)
{
	if (!c)
		return TOKEN_END;
	if (is_chunk(c))
		return TOKEN_CHUNK;
	return strchr("|,()[]{}@=:", c) ? TOKEN_MARK : TOKEN_UNKNOWN;
}

struct arch_token arch_next_token(struct arch_lexer *l)
{
	const char *before = l->p;
	const struct arch_pos line_end = l->pos;
	const bool newline = skip_blanks(l);
	struct arch_token t = {kind_of(*l->p), l->p, 0, l->pos, l->p == before};
	const bool means_pipe =
		newline && !strchr("\n|,([{=", l->last) && !(*l->p && strchr("|,)]}", *l->p));
	if (means_pipe) {
		l->last = '\n';
		return (struct arch_token){TOKEN_NEWLINE, before, 0, line_end, false};
	}
	if (t.kind == TOKEN_CHUNK) {
		while (is_chunk(*l->p))
			step(l);
		l->last = 'a';
	} else if (t.kind != TOKEN_END) {
		l->last = *l->p;
		do
			step(l);
		while (((unsigned char)*l->p & 0xc0) == 0x80);
	}
	t.n = (size_t)(l->p - t.p);
	return t;
}
