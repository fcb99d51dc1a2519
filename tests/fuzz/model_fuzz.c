/* SPDX-License-Identifier: MIT
 * libFuzzer target of tests/model: the fuzzer's bytes are chance. */
#include "../model/model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const char *failure = model_run(1, data, size, false);
  if (failure) {
    fprintf(stderr, "%s\n", failure);
    abort();
  }
  return 0;
}
