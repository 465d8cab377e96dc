/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Loads a compiled model with dlopen (C99, usable from C++, POSIX).
 *
 * What comes in: the path of a library that `quantc compile` wrote.  What goes
 * out: its function table, or null with a one-line message.  Symbols stay local
 * to each library, so any number of models can be loaded side by side.
 */
#ifndef QUANTC_RUNTIME_LOAD_H
#define QUANTC_RUNTIME_LOAD_H

#include "quantc/Runtime/quantc.h"

#include <dlfcn.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

static inline void quantc_copy_message(char *message, size_t size,
                                       const char *text) {
  if (!message || !size)
    return;
  strncpy(message, text ? text : "unknown error", size - 1);
  message[size - 1] = 0;
}

/* `handle` receives what dlclose needs; keep it until every model and context
 * made from the table is destroyed.  A `path` without `/` is searched for in
 * the system's library folders, as dlopen does: write `./model.so`. */
static inline const quantc_api *quantc_load(const char *path, void **handle,
                                            char *message, size_t size) {
  typedef const quantc_api *(*getter)(void);
  getter get = NULL;
  const quantc_api *api;
  void *symbol;
  *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!*handle) {
    quantc_copy_message(message, size, dlerror());
    return NULL;
  }
  symbol = dlsym(*handle, "quantc_api_v1");
  /* ISO C has no cast from object to function pointers; POSIX asks for it. */
  memcpy(&get, &symbol, sizeof(get));
  api = get ? get() : NULL;
  if (api && api->abi_version == QUANTC_ABI_VERSION)
    return api;
  quantc_copy_message(message, size,
                      get ? "library has another version of the interface; "
                            "compile the model again"
                          : "not a library compiled by quantc: it has no "
                            "symbol quantc_api_v1");
  dlclose(*handle);
  *handle = NULL;
  return NULL;
}

#ifdef __cplusplus
}
#endif

#endif /* QUANTC_RUNTIME_LOAD_H */
