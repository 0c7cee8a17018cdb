// The targets of a configuration as logins and discovery see them.
#pragma once

#include "admin/config.h"
#include "daemon/current.h"
#include "iscsi/directory.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace targe::daemon {

/// One address that is listened on, by however many targets.
struct Portal {
    admin::Endpoint listen;
};

/// Every address of the configuration once, in the order of first mention. A Viewpoint names one by its
/// index.
[[nodiscard]] std::vector<Portal> portals_of(const admin::Config& config);

/// Every core may ask it at once.
class ConfigDirectory final : public iscsi::Directory {
public:
    explicit ConfigDirectory(admin::Config config);
    /// Whoever asks from now on sees `config`, whose portals are among those of the first one. From any
    /// thread.
    void replace(admin::Config config);

    [[nodiscard]] iscsi::TargetAnswer find_target(std::string_view name,
                                                  const iscsi::Viewpoint& from) const override;
    [[nodiscard]] std::vector<iscsi::TargetListing> list_targets(const iscsi::Viewpoint& from) const override;
    [[nodiscard]] iscsi::AuthPolicy discovery_auth(const iscsi::Viewpoint& from) const override;
    [[nodiscard]] iscsi::NegotiationPolicy discovery_negotiation(const iscsi::Viewpoint& from) const override;

private:
    [[nodiscard]] const admin::PortalConfig* portal_of(const admin::TargetConfig& target,
                                                       const iscsi::Viewpoint& from) const;

    const std::vector<Portal> portals_;  // of the first one
    Current<admin::Config> config_;
};

}  // namespace targe::daemon
