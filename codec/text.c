/*
 * text.c - names and texts of the lists in derp.h.
 */
#include "derp.h"

unsigned derp_version(void)
{
	return DERP_VERSION_NUM;
}

const char *derp_strerror(int err)
{
	switch (err) {
	case 0:
		return "no error";
#define X(name, value, text)                                                   \
	case DERP_E_##name:                                                    \
		return text;
		DERP_ERRORS(X)
#undef X
	default:
		return "unknown error";
	}
}

const char *derp_type_name(uint32_t type)
{
	switch (type) {
#define X(name, value, text)                                                   \
	case DERP_##name:                                                      \
		return text;
		DERP_TYPES(X)
#undef X
	default:
		return NULL;
	}
}

static int lower(int c)
{
	return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

static int same_name(const char *a, const char *b)
{
	for (; *a != '\0' && lower(*a) == lower(*b); a++)
		b++;
	return *a == *b;
}

int derp_type_find(const char *name)
{
	static const struct {
		int type;
		const char *name;
	} types[] = {
#define X(name, value, text) { value, text },
		DERP_TYPES(X)
#undef X
	};

	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
		if (same_name(types[i].name, name))
			return types[i].type;
	}
	return -1;
}
