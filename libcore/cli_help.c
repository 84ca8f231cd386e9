/* cli_help: one table of options as a screen, a full list, the OPTIONS of a man page, and a table for
 * completion (see cli.h). */
#include "cli_private.h"

#include <stdio.h>
#include <string.h>

static void default_text(const struct cli_option *o, char *to, size_t size)
{
	to[0] = '\0';
	if (!o->to)
		return;
	if (o->type == CLI_COUNT && *(size_t *)o->to)
		(void)snprintf(to, size, "%zu", *(size_t *)o->to);
	else if (o->type == CLI_REAL && *(double *)o->to != 0)
		(void)snprintf(to, size, "%g", *(double *)o->to);
	else if (o->type == CLI_TEXT && *(const char **)o->to)
		(void)snprintf(to, size, "%s", *(const char **)o->to);
}

/* "--batch-size", or the letter of an option that has no name */
static void name_text(const struct cli_option *o, char *to, size_t size)
{
	const char letter[2] = {o->letter, '\0'};
	(void)snprintf(to, size, "%s%s", o->name ? "--" : "-", o->name ? o->name : letter);
}

/* "-b, --batch-size N" */
static int option_text(const struct cli_option *o, char *to, size_t size)
{
	const char letter[3] = {'-', o->letter, '\0'};
	return snprintf(to, size, "%s%s%s%s%s%s", o->letter ? letter : "",
		o->letter && o->name ? ", " : "", o->name ? "--" : "", o->name ? o->name : "",
		o->arg ? " " : "", o->arg ? o->arg : "");
}

/* The screen: every option once, with its default, filled to 80 columns a group. */
static void help_screen(const struct cli *c)
{
	int column = 0;
	for (size_t i = 0; i < c->n; i++) {
		const struct cli_option *o = &c->all[i];
		if (cli_is_heading(o)) {
			printf("%s%s:", column ? "\n" : "", o->help);
			column = (int)strlen(o->help) + 1;
			continue;
		}
		char value[60], name[64], text[140];
		default_text(o, value, sizeof value);
		name_text(o, name, sizeof name);
		const int n = snprintf(text, sizeof text, "%s%s%s", name, o->arg ? " " : "",
			!o->arg    ? ""
			: value[0] ? value
				   : o->arg);
		if (column + n + 2 > 79) {
			printf("\n ");
			column = 1;
		}
		printf(" %s", text);
		column += n + 1;
	}
	printf("\n");
}

static void help_all(const struct cli *c)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct cli_option *o = &c->all[i];
		char value[60], text[140];
		if (cli_is_heading(o)) {
			printf("\n%s:\n", o->help);
			continue;
		}
		default_text(o, value, sizeof value);
		option_text(o, text, sizeof text);
		printf("  %-28s %s%s%s%s\n", text, o->help, value[0] ? " [" : "", value,
			value[0] ? "]" : "");
	}
}

static void help_tsv(const struct cli *c)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct cli_option *o = &c->all[i];
		char name[64];
		if (cli_is_heading(o))
			continue;
		name_text(o, name, sizeof name);
		printf("%s\t%s\t%s\n", name, o->arg ? o->arg : "", o->help);
	}
}

/* mdoc, for the OPTIONS section of the man page. */
static void help_man(const struct cli *c)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct cli_option *o = &c->all[i];
		char value[60];
		if (cli_is_heading(o)) {
			printf("%s.Ss %s\n.Bl -tag -width Ds\n", i ? ".El\n" : "", o->help);
			continue;
		}
		if (i == 0)
			printf(".Bl -tag -width Ds\n");
		default_text(o, value, sizeof value);
		printf(".It");
		if (o->letter)
			printf(" Fl %c%s", o->letter, o->name ? " ," : "");
		if (o->name)
			printf(" Fl \\-%s", o->name);
		if (o->arg)
			printf(" Ar %s", o->arg);
		printf("\n%s%s%s%s.\n", o->help, value[0] ? " (default: " : "", value,
			value[0] ? ")" : "");
	}
	printf(".El\n");
}

int cli_help(const struct cli *c, const char *how, struct cvt_err *e)
{
	const struct cli_program *p = c->program;
	if (how && strcmp(how, "man") == 0)
		help_man(c);
	else if (how && strcmp(how, "tsv") == 0)
		help_tsv(c);
	else if (how && strcmp(how, "all") != 0)
		return cvt_fail(e, CVT_USAGE,
			"--help=%s: there are --help, --help=all, --help=man, --help=tsv", how);
	else {
		printf("%s\nusage: %s %s\n%s\n", p->examples, p->name, p->usage, p->summary);
		if (how)
			help_all(c);
		else {
			help_screen(c);
			printf("More: %s --help=all, man %s\n", p->name, p->name);
		}
	}
	return CVT_OK;
}
