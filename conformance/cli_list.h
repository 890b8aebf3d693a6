/*
 * cli_list.h - private to derpspec list.
 */
#ifndef CLI_LIST_H
#define CLI_LIST_H

#include "cli.h"

void cli_list_json(FILE *to, const struct suite *s, const struct choice *c,
		   bool instances);

#endif
