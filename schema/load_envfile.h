#ifndef SCHEMA_LOAD_ENVFILE_H
#define SCHEMA_LOAD_ENVFILE_H
/*
 * Files of environment variables, as Compose reads them:
 *
 *   # comment          blank lines and lines with # are skipped
 *   NAME=value # note  to the end of the line, or to a "#" after a blank; blanks around it are dropped;
 *                      ${...} is resolved
 *   NAME: value        the same
 *   NAME="a\n${B}"     may span several lines; \n \r \t \" \\ \$ are escapes; ${...} is resolved
 *   NAME='as $it is'   may span several lines; only \' is an escape
 *   export NAME=value  the word "export" is skipped
 *   NAME               with interp.bare (compose files): the value that the name has outside, or null;
 *                      otherwise an error
 *
 * In the raw format the value is everything after the first =, byte for byte. Pure.
 */
#include "schema/diag.h"
#include "schema/load_interp.h"
#include "schema/val.h"

/* Add the variables to `into` (a map); later ones win. References see names that were set earlier in the same
   file or in `into`; others are looked up with `in`. `file` is for messages, which go to diags; `index` is
   the file of the values (val.h). */
void envfile_read(struct arena *a, const char *file, const char *text, size_t len, bool raw,
                  const struct interp *in, struct diag_list *diags, uint16_t index, struct val *into);
#endif
