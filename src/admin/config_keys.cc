#include "admin/config_keys.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <vector>

namespace targe::admin {
namespace {

constexpr auto kKeys = std::to_array<KnownKey>({
    {"the file", "daemon"},
    {"the file", "discovery"},
    {"the file", "device"},
    {"the file", "target"},
    {"the file", "device_group"},

    {"[daemon]", "state_dir"},
    {"[daemon]", "socket"},
    {"[daemon]", "socket_group"},
    {"[daemon]", "reactors"},
    {"[daemon]", "log_level"},
    {"[daemon]", "buffer_memory"},
    {"[daemon]", "buffer_memory_per_initiator"},
    {"[daemon]", "login_timeout"},
    {"[daemon]", "half_open_logins_per_address"},
    {"[daemon]", "max_connections"},
    {"[daemon]", "move_sessions"},

    {"[discovery]", "auth"},

    {"[[device]]", "name"},
    {"[[device]]", "handler"},
    {"[[device]]", "path"},
    {"[[device]]", "size"},
    {"[[device]]", "block_size"},
    {"[[device]]", "physical_block_size"},
    {"[[device]]", "thin"},
    {"[[device]]", "read_only"},
    {"[[device]]", "removable"},
    {"[[device]]", "threshold_available"},
    {"[[device]]", "threshold_used"},
    {"[[device]]", "rotational"},
    {"[[device]]", "direct"},
    {"[[device]]", "write_cache"},
    {"[[device]]", "task_set"},
    {"[[device]]", "max_commands"},
    {"[[device]]", "type"},
    {"[[device]]", "socket"},
    {"[[device]]", "allow_uids"},
    {"[[device]]", "allow_gids"},
    {"[[device]]", "hold"},
    {"[[device]]", "deadline"},
    {"[[device]]", "when_away"},
    {"[[device]]", "serial"},
    {"[[device]]", "naa"},
    {"[[device]]", "vendor"},
    {"[[device]]", "product"},
    {"[[device]]", "revision"},

    {"[[target]]", "name"},
    {"[[target]]", "alias"},
    {"[[target]]", "portals"},
    {"[[target]]", "allowed_portals"},
    {"[[target]]", "initiators"},
    {"[[target]]", "luns"},
    {"[[target]]", "group"},
    {"[[target]]", "auth"},
    {"[[target]]", "header_digest"},
    {"[[target]]", "data_digest"},
    {"[[target]]", "redirect"},
    {"[[target]]", "max_sessions"},
    {"[[target]]", "queue_depth"},
    {"[[target]]", "commands_per_lun"},
    {"[[target]]", "max_recv_data_segment_length"},
    {"[[target]]", "max_burst_length"},
    {"[[target]]", "first_burst_length"},
    {"[[target]]", "max_outstanding_r2t"},
    {"[[target]]", "initial_r2t"},
    {"[[target]]", "immediate_data"},
    {"[[target]]", "nop_interval"},
    {"[[target]]", "nop_timeout"},
    {"[[target]]", "async_events"},

    {"portals", "listen"},
    {"portals", "advertise"},
    {"portals", "group"},
    {"portals", "relative_port"},

    {"luns", "lun"},
    {"luns", "device"},
    {"luns", "read_only"},

    {"[[target.group]]", "name"},
    {"[[target.group]]", "initiators"},
    {"[[target.group]]", "luns"},

    {"[[device_group]]", "name"},
    {"[[device_group]]", "devices"},
    {"[[device_group]]", "explicit"},
    {"[[device_group]]", "transition_hold"},
    {"[[device_group]]", "hook"},
    {"[[device_group]]", "hook_timeout"},
    {"[[device_group]]", "port_group"},

    {"[[device_group.port_group]]", "id"},
    {"[[device_group.port_group]]", "state"},
    {"[[device_group.port_group]]", "preferred"},
    {"[[device_group.port_group]]", "ports"},
    {"[[device_group.port_group]]", "remote_ports"},

    {"ports", "target"},
    {"ports", "portal_group"},

    {"remote_ports", "target"},
    {"remote_ports", "relative_port"},

    {"redirect", "address"},
    {"redirect", "group"},
    {"redirect", "permanent"},

    {"auth", "method"},
    {"auth", "users"},
    {"auth", "mutual"},
    {"auth", "algorithms"},
    {"auth", "ipsec"},

    {"auth.users", "name"},
    {"auth.users", "secret"},
    {"auth.users", "secret_file"},

    {"auth.mutual", "name"},
    {"auth.mutual", "secret"},
    {"auth.mutual", "secret_file"},
});

/// How many characters must be put in, taken out, changed, or swapped with their neighbour.
std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::vector<std::size_t>> d(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
    for (std::size_t i = 0; i <= a.size(); ++i) {
        for (std::size_t j = 0; j <= b.size(); ++j) {
            if (i == 0 || j == 0) {
                d[i][j] = i + j;
                continue;
            }
            const std::size_t changed = d[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
            d[i][j] = std::min({changed, d[i - 1][j] + 1, d[i][j - 1] + 1});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
            }
        }
    }
    return d[a.size()][b.size()];
}

}  // namespace

std::span<const KnownKey> known_keys() {
    return kKeys;
}

bool is_known(std::string_view section, std::string_view key) {
    return std::ranges::any_of(kKeys,
                               [&](const KnownKey& k) { return k.section == section && k.key == key; });
}

std::string_view nearest(std::span<const std::string_view> words, std::string_view word) {
    constexpr std::size_t kLongest = 64;
    if (word.size() > kLongest) {
        return {};
    }
    // A third of the letters wrong is a slip; more is another word.
    std::size_t best = std::max<std::size_t>(word.size() / 3, 1) + 1;
    std::string_view found;
    for (const std::string_view candidate : words) {
        if (const std::size_t d = distance(candidate, word); d < best) {
            best = d;
            found = candidate;
        }
    }
    return found;
}

std::string_view nearest_key(std::string_view section, std::string_view key) {
    std::vector<std::string_view> words;
    for (const KnownKey& k : kKeys) {
        if (k.section == section) {
            words.push_back(k.key);
        }
    }
    return nearest(words, key);
}

std::string_view section_with(std::string_view key) {
    const auto found = std::ranges::find(kKeys, key, &KnownKey::key);
    return found == kKeys.end() ? std::string_view{} : found->section;
}

std::string keys_of(std::string_view section) {
    std::string text;
    for (const KnownKey& k : kKeys) {
        if (k.section == section) {
            text.append(text.empty() ? "" : ", ").append(k.key);
        }
    }
    return text;
}

}  // namespace targe::admin
