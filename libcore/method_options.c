/* method_options: a method's own options between the command line and a model file (see
 * method/method.h). */
#include "method/method.h"

#include <stdlib.h>
#include <string.h>

void method_defaults(const struct method *m, struct method_value *v)
{
	for (size_t i = 0; i < METHOD_OPTIONS && m->options[i].name; i++)
		v[i] = (struct method_value){
			.real = m->options[i].value, .count = (size_t)m->options[i].value};
}

int method_options_text(
	const struct method *m, const struct method_value *v, struct str *out, struct cvt_err *e)
{
	for (size_t i = 0; i < METHOD_OPTIONS && m->options[i].name; i++) {
		const struct method_option *o = &m->options[i];
		if (!v[i].given || o->type == CLI_MANY)
			continue;
		TRY(str_printf(out, e, "%s", o->name));
		if (o->type == CLI_COUNT)
			TRY(str_printf(out, e, " %zu", v[i].count));
		else if (o->type == CLI_REAL)
			TRY(str_printf(out, e, " %.17g", v[i].real));
		else if (o->type == CLI_TEXT)
			TRY(str_printf(out, e, " %s", v[i].text));
		TRY(str_puts(out, "\n", e));
	}
	return CVT_OK;
}

static int read_line(const struct method *m, const char *name, const char *value,
	struct method_value *v, struct cvt_err *e)
{
	size_t i = 0;
	while (i < METHOD_OPTIONS && m->options[i].name && strcmp(m->options[i].name, name) != 0)
		i++;
	if (i == METHOD_OPTIONS || !m->options[i].name)
		return cvt_fail(e, CVT_INPUT, "cv.options: --method %s has no '%s'", m->name, name);
	v[i].given = true;
	switch (m->options[i].type) {
	case CLI_FLAG:
		v[i].flag = true;
		return CVT_OK;
	case CLI_COUNT:
		return cli_count(value, name, &v[i].count, e);
	case CLI_REAL:
		return cli_real(value, name, &v[i].real, e);
	default:
		v[i].text = value;
		return CVT_OK;
	}
}

int method_options_read(
	const struct method *m, char *text, struct method_value *v, struct cvt_err *e)
{
	method_defaults(m, v);
	for (char *line = text, *next; line && *line; line = next) {
		next = line + strcspn(line, "\n");
		if (*next)
			*next++ = '\0';
		char *space = strchr(line, ' ');
		if (space)
			*space++ = '\0';
		if (read_line(m, line, space ? space : "", v, e) != CVT_OK)
			return e ? e->code = CVT_INPUT : CVT_INPUT;
	}
	return CVT_OK;
}
