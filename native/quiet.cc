// Turns the process's stderr off and on again. TensorFlow writes to it while it is being loaded, before any of its own
// settings take effect, and Node has no dup2.
#include <fcntl.h>
#include <node_api.h>
#include <unistd.h>

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

NAPI_MODULE_INIT() {
  napi_value mute, unmute;
  if (napi_create_function(env, "mute", NAPI_AUTO_LENGTH, Mute, nullptr, &mute) != napi_ok) return nullptr;
  if (napi_create_function(env, "unmute", NAPI_AUTO_LENGTH, Unmute, nullptr, &unmute) != napi_ok) return nullptr;
  if (napi_set_named_property(env, exports, "mute", mute) != napi_ok) return nullptr;
  if (napi_set_named_property(env, exports, "unmute", unmute) != napi_ok) return nullptr;
  return exports;
}
