#ifndef SCHEMA_LOAD_ENVFILE_H
#define SCHEMA_LOAD_ENVFILE_H
/*
 * Files of environment variables, as Compose reads them:
 *
 *   # comment          blank lines and lines with # are skipped
 *   NAME=value # note  up to the end of the line or to a "#" after a blank; blanks around it go; ${...} is
 *                      resolved
 *   NAME: value        the same
 *   NAME="a\n${B}"     may have several lines; \n \r \t \" \\ \$ are escapes; ${...} is resolved
 *   NAME='as $it is'   may have several lines; only \' is an escape
 *   export NAME=value  the word is skipped
 *   NAME               where references are read as in a compose file (`bare`): the value that it has
 * outside, or null; otherwise an error
 *
 * In the raw format what stands after the first = is the value, byte for byte. Pure.
 */
#include "schema/diag.h"
#include "schema/load_interp.h"
#include "schema/val.h"

/* Add the variables to `into` (a map); later ones win. Names set before in the same file, or in `into`, can
   be referred to; others are asked from `in`. `file` is for problems, which go to diags; `index` is the file
   of the values (val.h). */
void envfile_read(struct arena *a, const char *file, const char *text, size_t len, bool raw,
                  const struct interp *in, struct diag_list *diags, uint16_t index, struct val *into);
#endif
