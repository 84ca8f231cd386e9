/*
 * safetensors: model files and checkpoints as state dicts. A file is 8 bytes of header length (LE), a
 * JSON header {"NAME": {"dtype", "shape", "data_offsets"}, "__metadata__": {...}}, and the data; it
 * holds no code and refers to no other file. The reader demands that the tensors tile the data
 * exactly, that no name comes twice and that the header keeps below 16 MiB and 65,536 names.
 */
#ifndef CVT_SAFETENSORS_H
#define CVT_SAFETENSORS_H

#include "../libcore/tensor.h"

#include "input.h"

/* Reads the file into d (empty before; freed by state_free, also after an error). F32 comes as f4,
 * F16 and BF16 are widened to f4, I32 is i4, I64 is i8, U8 and BOOL are u1; others are CVT_INPUT. */
int safetensors_read(const char *path, struct state_dict *d, struct cvt_err *e);
int safetensors_read_input(struct input *in, struct state_dict *d, struct cvt_err *e);
/* Writes d to path (NULL = stdout), whole or not at all (output.h), entries in their order. Equal
 * dicts give equal bytes. */
int safetensors_write(const char *path, const struct state_dict *d, struct cvt_err *e);
/* True if these first bytes look like a safetensors file. */
bool safetensors_probe(const unsigned char *start, size_t n);

#endif
