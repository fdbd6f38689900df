// What Node cannot do for its process. It turns stderr off and on again: TensorFlow writes to it while it is being loaded, before any
// of its own settings take effect, and Node has no dup2. And it makes glibc give memory back as soon as it is freed.
#include <fcntl.h>
#include <node_api.h>
#include <unistd.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

static int saved = -1;

static napi_value Mute(napi_env, napi_callback_info) {
  if (saved != -1) return nullptr;
  int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (nowhere == -1) return nullptr;
  saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
  if (saved != -1) dup2(nowhere, STDERR_FILENO);
  close(nowhere);
  return nullptr;
}

static napi_value Unmute(napi_env, napi_callback_info) {
  if (saved == -1) return nullptr;
  dup2(saved, STDERR_FILENO);
  close(saved);
  saved = -1;
  return nullptr;
}

// giveBack(): blocks from 1 MiB on are mapped one by one, and unmapped when they are freed. glibc does so from 128 KiB on, but puts the
// limit up to 32 MiB with the first blocks that are freed; from then on matrices that come and go leave gaps in its heap.
static napi_value GiveBack(napi_env, napi_callback_info) {
#ifdef __GLIBC__
  mallopt(M_MMAP_THRESHOLD, 1 << 20);
#endif
  return nullptr;
}

NAPI_MODULE_INIT() {
  napi_value mute, unmute, give_back;
  if (napi_create_function(env, "mute", NAPI_AUTO_LENGTH, Mute, nullptr, &mute) != napi_ok) return nullptr;
  if (napi_create_function(env, "unmute", NAPI_AUTO_LENGTH, Unmute, nullptr, &unmute) != napi_ok) return nullptr;
  if (napi_create_function(env, "giveBack", NAPI_AUTO_LENGTH, GiveBack, nullptr, &give_back) != napi_ok) return nullptr;
  if (napi_set_named_property(env, exports, "giveBack", give_back) != napi_ok) return nullptr;
  if (napi_set_named_property(env, exports, "mute", mute) != napi_ok) return nullptr;
  if (napi_set_named_property(env, exports, "unmute", unmute) != napi_ok) return nullptr;
  return exports;
}
