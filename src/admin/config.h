// What an administrator asked for, as plain values. Whoever holds a Config that came out of parse_config()
// may rely on it: names are valid and unique, every reference leads somewhere, every number is in range.
#pragma once

#include "admin/config_user.h"
#include "base/log.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace targe::admin {

/// What nobody may print. Compared and read by name only, so that no logger takes it for a string.
class Secret {
public:
    Secret() = default;
    explicit Secret(std::string bytes) : bytes_(std::move(bytes)) {}
    [[nodiscard]] const std::string& reveal() const { return bytes_; }
    bool operator==(const Secret&) const = default;

private:
    std::string bytes_ = {};
};

/// A TCP address. `address` is numeric wherever it is listened on, and may be a host name where it is only
/// told to initiators. IPv6 is kept without its brackets.
struct Endpoint {
    std::string address = {};
    std::uint16_t port = 3260;
    auto operator<=>(const Endpoint&) const = default;
};

/// "192.0.2.1:3260", "[2001:db8::1]:3260"
[[nodiscard]] std::string to_string(const Endpoint& endpoint);

struct DaemonConfig {
    std::string state_dir = "/var/lib/targe";
    std::string socket = "/run/targe/targe.sock";
    std::string socket_group = {};  ///< the group that may use the socket; empty: the daemon's own
    std::uint16_t reactors = 0;     ///< 0: the CPUs that the process may use
    base::LogLevel log_level = base::LogLevel::info;
    std::uint64_t buffer_memory_bytes = std::uint64_t{512} << 20U;  ///< of all reactors together
    std::uint64_t buffer_memory_per_initiator_bytes = std::uint64_t{128} << 20U;  ///< at most the above
    std::chrono::milliseconds login_timeout{15'000};
    std::uint32_t half_open_logins_per_address = 128;
    std::uint32_t max_connections = 4096;  ///< of all portals, logged in or not
    bool move_sessions = true;             ///< from reactors that are busier than others
    bool operator==(const DaemonConfig&) const = default;
};

enum class Handler : std::uint8_t { null, ram, file, block, user };

/// The mode that WCE follows.
enum class WriteCache : std::uint8_t { write_back, write_through };

/// Whose commands ORDERED ones are ordered among: TST.
enum class TaskSets : std::uint8_t { per_nexus, shared };

struct DeviceConfig {
    std::string name = {};
    Handler handler = Handler::null;
    std::string path = {};                                  ///< file, block; of a drive, empty: no disc
    bool drive = false;                                     ///< file: a drive of CDs and DVDs, not a disk
    std::optional<std::uint64_t> size_bytes = {};           ///< absent: what is found there (file, block)
    std::uint32_t block_size = 512;                         ///< 512, 1024, 2048 or 4096
    std::optional<std::uint32_t> physical_block_size = {};  ///< absent: what the store says; ≥ block_size
    bool thin = false;
    std::optional<std::uint64_t> threshold_available_bytes = {};  ///< file, ram; only with `thin`
    std::optional<std::uint64_t> threshold_used_bytes = {};       ///< the same
    bool read_only = false;
    bool removable = false;
    std::optional<bool> rotational = {};  ///< absent: what the store says
    bool direct = false;                  ///< file: past the page cache; block always is
    WriteCache write_cache = WriteCache::write_back;
    TaskSets task_set = TaskSets::per_nexus;
    std::uint32_t max_commands = 0;          ///< of all initiators together; 0: no bound
    std::optional<std::string> serial = {};  ///< absent: made once, and kept in state_dir
    std::optional<std::string> naa = {};     ///< the same; 16 or 32 lower-case hexadecimal digits
    std::string vendor = "TARGE";            ///< at most 8 printable ASCII characters
    std::string product = {};                ///< at most 16; empty: chosen by the engine
    std::string revision = {};               ///< at most 4; empty: the version of Targe
    UserConfig user = {};                    ///< user
    bool operator==(const DeviceConfig&) const = default;
};

struct PortalConfig {
    Endpoint listen = {};
    std::optional<Endpoint> advertise = {};  ///< what SendTargets says instead (containers, NAT)
    std::uint16_t group = 1;                 ///< target portal group tag
    /// Relative target port identifier of the portal group; absent: chosen once, and kept in state_dir.
    std::optional<std::uint16_t> relative_port = {};
    bool operator==(const PortalConfig&) const = default;
};

struct LunConfig {
    std::uint16_t lun = 0;  ///< 0 … 16383
    std::string device = {};
    bool read_only = false;
    bool operator==(const LunConfig&) const = default;
};

enum class ChapAlgorithm : std::uint8_t { md5, sha1, sha256, sha3_256 };

struct ChapUser {
    std::string name = {};
    Secret secret = {};
    bool operator==(const ChapUser&) const = default;
};

struct AuthConfig {
    enum class Method : std::uint8_t { none, chap };
    Method method = Method::none;
    std::vector<ChapUser> users = {};     ///< any of them may log in
    std::optional<ChapUser> mutual = {};  ///< what the target says of itself to an initiator that asks
    std::vector<ChapAlgorithm> algorithms{ChapAlgorithm::sha3_256, ChapAlgorithm::sha256, ChapAlgorithm::sha1,
                                          ChapAlgorithm::md5};  ///< best first
    bool operator==(const AuthConfig&) const = default;
};

/// What the target answers to HeaderDigest and DataDigest.
enum class DigestPolicy : std::uint8_t {
    off,      ///< None, or no login
    allow,    ///< the first of the initiator's list
    prefer,   ///< CRC32C whenever it is in the list
    require,  ///< CRC32C, or no login
};

struct RedirectConfig {
    Endpoint address = {};
    std::uint16_t group = 1;
    bool permanent = false;
    bool operator==(const RedirectConfig&) const = default;
};

/// What the target declares or asks for in login.
struct SessionLimits {
    std::uint32_t max_sessions = 256;
    std::uint32_t queue_depth = 128;     ///< the largest CmdSN window of a session
    std::uint32_t commands_per_lun = 0;  ///< of a session at one LUN; 0: as many as its window
    std::uint32_t max_recv_data_segment_length = 262'144;
    std::uint32_t max_burst_length = 1'048'576;
    std::uint32_t first_burst_length = 262'144;
    std::uint16_t max_outstanding_r2t = 8;
    bool initial_r2t = false;
    bool immediate_data = true;
    std::chrono::milliseconds nop_interval{30'000};  ///< 0: the target never asks
    std::chrono::milliseconds nop_timeout{30'000};
    bool async_events = false;  ///< unit attentions are told of at once, too
    bool operator==(const SessionLimits&) const = default;
};

struct GroupConfig {
    std::string name = {};
    std::vector<std::string> initiators = {};  ///< patterns: base::matches_any()
    std::vector<LunConfig> luns = {};
    bool operator==(const GroupConfig&) const = default;
};

struct TargetConfig {
    std::string name = {};  ///< as iSCSI compares it: lower case
    std::string alias = {};
    std::vector<PortalConfig> portals{PortalConfig{.listen = {.address = "0.0.0.0"}}};
    /// Patterns of the local address that a connection came in on; empty: all. The target is neither seen nor
    /// reached through others.
    std::vector<std::string> allowed_portals = {};
    /// Who is let in besides the members of groups; absent: everybody if `luns` or no group is there.
    std::optional<std::vector<std::string>> initiators = {};
    std::vector<LunConfig> luns = {};  ///< what an initiator in no group sees
    std::vector<GroupConfig> groups = {};
    AuthConfig auth = {};
    DigestPolicy header_digest = DigestPolicy::allow;
    DigestPolicy data_digest = DigestPolicy::allow;
    std::optional<RedirectConfig> redirect = {};
    SessionLimits limits = {};
    bool operator==(const TargetConfig&) const = default;
};

/// Of a target port group, as SPC has them.
enum class PathState : std::uint8_t {
    active_optimized,
    active_non_optimized,
    standby,
    unavailable,
    offline,
    transitioning,
};

/// A port of this daemon: the portals of one group of one target.
struct PortConfig {
    std::string target = {};
    std::uint16_t portal_group = 1;
    auto operator<=>(const PortConfig&) const = default;
};

/// A port of another daemon that leads to the same devices.
struct RemotePortConfig {
    std::string target = {};  ///< for people
    std::uint16_t relative_port = 0;
    bool operator==(const RemotePortConfig&) const = default;
};

struct PortGroupConfig {
    std::uint16_t id = 0;
    PathState state = PathState::active_optimized;
    bool preferred = false;
    std::vector<PortConfig> ports = {};
    std::vector<RemotePortConfig> remote_ports = {};
    bool operator==(const PortGroupConfig&) const = default;
};

/// Devices that are reached by the same paths, of which some are better than others.
struct DeviceGroupConfig {
    std::string name = {};
    std::vector<std::string> devices = {};
    bool set_by_initiators = false;  ///< SET TARGET PORT GROUPS is offered
    std::chrono::milliseconds transition_hold{5'000};
    std::string hook = {};  ///< a program that is asked first; empty: none
    std::chrono::milliseconds hook_timeout{10'000};
    std::vector<PortGroupConfig> port_groups = {};
    bool operator==(const DeviceGroupConfig&) const = default;
};

struct Config {
    DaemonConfig daemon = {};
    AuthConfig discovery_auth = {};
    std::vector<DeviceConfig> devices = {};
    std::vector<TargetConfig> targets = {};
    std::vector<DeviceGroupConfig> device_groups = {};
    bool operator==(const Config&) const = default;
};

/// Where the handler of a device attaches: its own socket, or NAME.handler.sock beside that of the daemon.
[[nodiscard]] std::string handler_socket(const DeviceConfig& device, const DaemonConfig& daemon);

}  // namespace targe::admin
