#include "daemon/directory.h"

#include "admin/access.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <memory>
#include <utility>

namespace targe::daemon {
namespace {

iscsi::ChapAlgorithm translated(admin::ChapAlgorithm algorithm) {
    switch (algorithm) {
        case admin::ChapAlgorithm::md5:
            return iscsi::ChapAlgorithm::md5;
        case admin::ChapAlgorithm::sha1:
            return iscsi::ChapAlgorithm::sha1;
        case admin::ChapAlgorithm::sha256:
            return iscsi::ChapAlgorithm::sha256;
        case admin::ChapAlgorithm::sha3_256:
            return iscsi::ChapAlgorithm::sha3_256;
    }
    __builtin_unreachable();
}

iscsi::ChapAccount account(const admin::ChapUser& user) {
    return {.name = user.name, .secret = user.secret.reveal()};
}

iscsi::AuthPolicy translated(const admin::AuthConfig& auth) {
    iscsi::AuthPolicy policy;
    if (auth.method == admin::AuthConfig::Method::none) {
        return policy;
    }
    policy.method = iscsi::AuthMethod::chap;
    for (const admin::ChapUser& user : auth.users) {
        policy.initiators.push_back(account(user));
    }
    if (auth.mutual) {
        policy.target = account(*auth.mutual);
    }
    policy.algorithms.clear();
    for (const admin::ChapAlgorithm algorithm : auth.algorithms) {
        policy.algorithms.push_back(translated(algorithm));
    }
    return policy;
}

std::vector<iscsi::Digest> translated(admin::DigestPolicy policy) {
    using enum iscsi::Digest;
    switch (policy) {
        case admin::DigestPolicy::off:
            return {none};
        case admin::DigestPolicy::allow:
            return {none, crc32c};
        case admin::DigestPolicy::prefer:
            return {crc32c, none};
        case admin::DigestPolicy::require:
            return {crc32c};
    }
    __builtin_unreachable();
}

iscsi::DigestOrder order_of(admin::DigestPolicy policy) {
    return policy == admin::DigestPolicy::prefer ? iscsi::DigestOrder::targets
                                                 : iscsi::DigestOrder::initiators;
}

iscsi::NegotiationPolicy negotiation_of(const admin::TargetConfig& target) {
    const admin::SessionLimits& limits = target.limits;
    iscsi::NegotiationPolicy policy;
    policy.header_digests = translated(target.header_digest);
    policy.data_digests = translated(target.data_digest);
    policy.header_digest_order = order_of(target.header_digest);
    policy.data_digest_order = order_of(target.data_digest);
    policy.max_recv_data_segment_length = limits.max_recv_data_segment_length;
    policy.initial_r2t = limits.initial_r2t;
    policy.immediate_data = limits.immediate_data;
    policy.max_burst_length = limits.max_burst_length;
    policy.first_burst_length = limits.first_burst_length;
    policy.max_outstanding_r2t = limits.max_outstanding_r2t;
    return policy;
}

bool is_wildcard(std::string_view address) {
    return address == "0.0.0.0" || address == "::";
}

bool is_ipv6(std::string_view address) {
    return address.contains(':');
}

/// A wildcard stands for addresses of its own family only, and of those just the one is known that the
/// initiator came by.
bool has_address_for(const admin::PortalConfig& portal, const iscsi::Viewpoint& from) {
    return portal.advertise || !is_wildcard(portal.listen.address) ||
           is_ipv6(portal.listen.address) == is_ipv6(from.local_address);
}

/// What an initiator that looks from `from` should connect to.
iscsi::TargetAddress address_of(const admin::PortalConfig& portal, const iscsi::Viewpoint& from) {
    iscsi::TargetAddress address{
        .host = portal.listen.address, .port = portal.listen.port, .portal_group_tag = portal.group};
    if (portal.advertise) {
        address.host = portal.advertise->address;
        address.port = portal.advertise->port;
    } else if (is_wildcard(portal.listen.address)) {
        // The one address of ours that this initiator is known to reach.
        address.host = from.local_address;
    }
    return address;
}

bool equal_names(std::string_view a, std::string_view b) {
    return std::ranges::equal(a, b, [](char x, char y) {
        return std::tolower(static_cast<unsigned char>(x)) == std::tolower(static_cast<unsigned char>(y));
    });
}

}  // namespace

std::vector<Portal> portals_of(const admin::Config& config) {
    std::vector<Portal> portals;
    for (const admin::TargetConfig& target : config.targets) {
        for (const admin::PortalConfig& portal : target.portals) {
            const bool known =
                std::ranges::any_of(portals, [&](const Portal& p) { return p.listen == portal.listen; });
            if (!known) {
                portals.push_back({.listen = portal.listen});
            }
        }
    }
    return portals;
}

ConfigDirectory::ConfigDirectory(admin::Config config)
    : portals_(portals_of(config)), config_(std::make_shared<const admin::Config>(std::move(config))) {}

void ConfigDirectory::replace(admin::Config config) {
    config_.set(std::make_shared<const admin::Config>(std::move(config)));
}

const admin::PortalConfig* ConfigDirectory::portal_of(const admin::TargetConfig& target,
                                                      const iscsi::Viewpoint& from) const {
    const admin::Endpoint& listen = portals_.at(from.portal).listen;
    const auto at = std::ranges::find_if(target.portals, [&](const auto& p) { return p.listen == listen; });
    return at == target.portals.end() ? nullptr : &*at;
}

iscsi::TargetAnswer ConfigDirectory::find_target(std::string_view name, const iscsi::Viewpoint& from) const {
    const auto config = config_.get();
    const auto at =
        std::ranges::find_if(config->targets, [&](const auto& t) { return equal_names(t.name, name); });
    if (at == config->targets.end()) {
        return iscsi::TargetNotFound{};
    }
    const admin::PortalConfig* const portal = portal_of(*at, from);
    // Through a portal of others it does not exist; a stranger at its own portal is told that he may not.
    if (portal == nullptr || !admin::allowed_through(*at, from.local_address)) {
        return iscsi::TargetNotFound{};
    }
    if (!admin::visible(*at, from.initiator_name, from.local_address)) {
        return iscsi::TargetForbidden{.reason = "neither a group nor `initiators` of the target names it"};
    }
    if (at->redirect) {
        const admin::RedirectConfig& to = *at->redirect;
        return iscsi::TargetMoved{
            .address = {.host = to.address.address, .port = to.address.port, .portal_group_tag = to.group},
            .move = to.permanent ? iscsi::Move::permanent : iscsi::Move::temporary};
    }
    return iscsi::TargetFound{.auth = translated(at->auth),
                              .negotiation = negotiation_of(*at),
                              .portal_group_tag = portal->group,
                              .alias = at->alias};
}

std::vector<iscsi::TargetListing> ConfigDirectory::list_targets(const iscsi::Viewpoint& from) const {
    const auto config = config_.get();
    std::vector<iscsi::TargetListing> listings;
    for (const admin::TargetConfig& target : config->targets) {
        if (portal_of(target, from) == nullptr ||
            !admin::visible(target, from.initiator_name, from.local_address)) {
            continue;
        }
        iscsi::TargetListing listing{.name = target.name};
        for (const admin::PortalConfig& portal : target.portals) {
            if (has_address_for(portal, from)) {
                listing.addresses.push_back(address_of(portal, from));
            }
        }
        listings.push_back(std::move(listing));
    }
    return listings;
}

iscsi::AuthPolicy ConfigDirectory::discovery_auth(const iscsi::Viewpoint& /*from*/) const {
    return translated(config_.get()->discovery_auth);
}

iscsi::NegotiationPolicy ConfigDirectory::discovery_negotiation(const iscsi::Viewpoint& /*from*/) const {
    return {};
}

}  // namespace targe::daemon
