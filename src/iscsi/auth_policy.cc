#include "iscsi/auth_policy.h"

#include <algorithm>

namespace targe::iscsi {
namespace {

std::optional<std::string_view> fault_of(const ChapAccount& account) {
    if (account.name.empty() || account.name.size() > kMaxChapNameBytes) {
        return "a CHAP name must have 1 to 255 bytes";
    }
    if (account.name.find('\0') != std::string::npos) {
        return "a CHAP name may not contain NUL";
    }
    if (account.secret.empty() || account.secret.size() > kMaxSecretBytes) {
        return "a CHAP secret must have 1 to 255 bytes";
    }
    return std::nullopt;
}

}  // namespace

std::optional<std::string_view> find_fault(const AuthPolicy& policy) {
    if (policy.method == AuthMethod::none) {
        return std::nullopt;
    }
    if (policy.initiators.empty()) {
        return "CHAP needs at least one account for initiators";
    }
    if (policy.algorithms.empty()) {
        return "CHAP needs at least one algorithm";
    }
    for (const ChapAccount& account : policy.initiators) {
        if (const auto fault = fault_of(account)) {
            return fault;
        }
        if (std::ranges::count(policy.initiators, account.name, &ChapAccount::name) != 1) {
            return "two CHAP accounts have the same name";
        }
        if (policy.target && policy.target->secret == account.secret) {
            return "the target may not prove itself with an initiator's secret";
        }
    }
    return policy.target ? fault_of(*policy.target) : std::nullopt;
}

}  // namespace targe::iscsi
