#include <utility>

#include "mosquitto_kv/types.h"

namespace kv {

Txn& Txn::If(std::string_view key, Revision revision) {
  conditions_.push_back({std::string(key), revision});
  return *this;
}

Txn& Txn::Add(Operation operation) {
  (in_else_ ? otherwise_ : then_).push_back(std::move(operation));
  return *this;
}

Txn& Txn::Put(std::string_view key, std::string_view value, const PutSettings& settings) {
  return Add({Verb::kPut, std::string(key), std::string(value), settings});
}

Txn& Txn::Create(std::string_view key, std::string_view value, const PutSettings& settings) {
  return Add({Verb::kCreate, std::string(key), std::string(value), settings});
}

Txn& Txn::Update(std::string_view key, std::string_view value, Revision expected) {
  return Add({Verb::kUpdate, std::string(key), std::string(value), {{expected}}});
}

Txn& Txn::Delete(std::string_view key) {
  return Add({Verb::kDelete, std::string(key), {}, {}});
}

Txn& Txn::Purge(std::string_view key) {
  return Add({Verb::kPurge, std::string(key), {}, {}});
}

Txn& Txn::Else() {
  in_else_ = true;
  return *this;
}

}  // namespace kv
