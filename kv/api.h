// KV_API: what the client's shared library exports; everything else in it is hidden.
#pragma once

#define KV_API __attribute__((visibility("default")))
