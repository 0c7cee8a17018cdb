// What the control socket may ask of the running daemon. The composition of the server implements it.
#pragma once

#include "admin/config_difference.h"
#include "admin/problem.h"

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace targe::admin {

struct BufferUse {
    std::uint64_t limit_bytes = 0;
    std::uint64_t held_bytes = 0;
    std::uint64_t on_loan_bytes = 0;
    std::uint64_t hits = 0;
    std::uint64_t misses = 0;
    std::uint64_t refused = 0;
};

struct ReactorStatus {
    std::uint32_t connections = 0;
    double busy = 0;  ///< how much of the time it worked lately, 0 to 1
};

struct DaemonStatus {
    enum class State : std::uint8_t { starting, serving, draining };
    State state = State::serving;
    std::string version = {};
    std::int64_t pid = 0;
    std::uint64_t uptime_seconds = 0;
    std::string config_file = {};
    std::uint32_t reactors = 0;
    std::uint32_t devices = 0;
    std::uint32_t targets = 0;
    std::uint32_t sessions = 0;
    std::uint32_t connections = 0;
    BufferUse buffers = {};
    std::vector<ReactorStatus> reactor_use = {};  ///< of each
    std::uint64_t sessions_moved = 0;             ///< from reactor to reactor, since the start
};

struct ConnectionStatus {
    std::uint16_t cid = 0;
    std::string initiator_address = {};  ///< with port
    std::string portal_address = {};     ///< with port
    std::uint16_t reactor = 0;
    bool header_digest = false;
    bool data_digest = false;
};

struct SessionStatus {
    std::uint64_t id = 0;     ///< unique as long as the daemon runs
    std::string target = {};  ///< empty: a discovery session
    std::string initiator = {};
    std::string initiator_alias = {};
    std::string isid = {};  ///< 12 hexadecimal digits
    std::uint16_t tsih = 0;
    std::string group = {};      ///< empty: in no group
    std::string chap_user = {};  ///< empty: not authenticated
    std::uint64_t age_seconds = 0;
    std::uint32_t commands_in_flight = 0;
    std::uint64_t commands = 0;
    std::uint64_t read_bytes = 0;
    std::uint64_t written_bytes = 0;
    std::vector<ConnectionStatus> connections = {};
};

struct LunUse {
    std::string target = {};
    std::string group = {};  ///< empty: initiators in no group
    std::uint16_t lun = 0;
    bool read_only = false;
};

struct DeviceStatus {
    std::string name = {};
    std::string handler = {};
    std::string path = {};
    std::string state = {};  ///< "ready", or why it is not
    std::string begun_on =
        {};                  ///< another store: where what is unfinished was begun; empty: state is another
    bool data_lost = false;  ///< that had been acknowledged, until a refresh
    std::uint64_t blocks = 0;
    std::uint32_t block_size = 0;
    bool thin = false;
    bool read_only = false;
    bool removable = false;
    bool volatile_cache = false;  ///< WCE
    std::string serial = {};
    std::string naa = {};
    std::vector<LunUse> used_by = {};
};

struct RegistrantStatus {
    std::string initiator = {};
    std::string isid = {};  ///< 12 hexadecimal digits
    std::uint16_t target_port = 0;
    std::string key = {};  ///< 16 hexadecimal digits
    bool holder = false;
};

/// Who may use a device.
struct ReservationStatus {
    std::string device = {};
    std::string type = {};  ///< of the persistent reservation; empty: there is none
    bool reserved = false;  ///< by RESERVE of SPC-2
    bool kept = false;      ///< APTPL: outlives the daemon
    bool lost = false;      ///< it was to outlive the daemon, and its file is damaged
    std::uint32_t generation = 0;
    std::vector<RegistrantStatus> registrants = {};
};

struct PortalStatus {
    std::string listen = {};
    std::string advertise = {};  ///< empty: the same
    std::uint16_t group = 1;
};

struct LunStatus {
    std::string group = {};  ///< empty: initiators in no group
    std::uint16_t lun = 0;
    std::string device = {};
    bool read_only = false;
};

/// Where a target sends initiators instead of letting them in.
struct RedirectStatus {
    std::string address = {};  ///< with port
    std::uint16_t group = 1;
    bool permanent = false;
};

struct TargetStatus {
    std::string name = {};
    std::string alias = {};
    std::vector<PortalStatus> portals = {};
    std::vector<LunStatus> luns = {};
    std::uint32_t sessions = 0;
    std::uint32_t max_sessions = 0;
    bool chap = false;
    std::optional<RedirectStatus> redirect = {};
};

struct PathStatus {
    std::string target = {};
    std::optional<std::uint16_t> portal_group = {};  ///< absent: a port of another daemon
    std::uint16_t relative_port = 0;
};

struct PortGroupStatus {
    std::uint16_t id = 0;
    std::string state = {};
    bool preferred = false;
    std::string changed_by = {};  ///< "command", "administrator"; empty: as configured
    std::vector<PathStatus> ports = {};
};

/// Devices that are reached by the same paths.
struct DeviceGroupStatus {
    std::string name = {};
    bool set_by_initiators = false;
    std::vector<std::string> devices = {};
    std::vector<PortGroupStatus> port_groups = {};
};

/// What `targe alua set` asks.
struct PathChange {
    std::string group = {};
    std::uint16_t port_group = 0;
    std::string state = {};  ///< empty: as it is
    std::optional<bool> preferred = {};
};

/// What `targe cdrom insert` and `targe cdrom eject` ask.
struct DiscRequest {
    std::string device = {};
    std::string path = {};  ///< of the image; empty: none, and the tray open
    bool force = false;     ///< although an initiator prevents it
};

/// What `targe device refresh` asks.
struct RefreshRequest {
    /// Of what a restart has interrupted on another store, as it seems.
    enum class Unfinished : std::uint8_t {
        compare,  ///< it goes on when the right store is back
        is_here,  ///< this is the right one
        drop,     ///< it is given up
    };
    std::string device = {};
    Unfinished unfinished = Unfinished::compare;
};

/// What has come of the configuration that was read again, or would come of it.
struct ReloadReport {
    bool dry_run = false;  ///< nothing was changed, nor tried
    std::vector<ConfigChange> changes = {};
    std::vector<ConfigChange> needs_restart = {};
    std::vector<Problem> failed = {};  ///< what was to be changed and was not, or not all of it yet
};

/// Called on the thread of the control socket, one call at a time, and on a second one for what takes_long(),
/// one call at a time too; an implementation asks the reactors by message and waits with a bound. Nothing
/// here is on a command's path.
class Administration {
public:
    Administration() = default;
    Administration(const Administration&) = delete;
    Administration& operator=(const Administration&) = delete;
    virtual ~Administration() = default;

    virtual std::expected<DaemonStatus, Problem> status() = 0;
    virtual std::expected<std::vector<SessionStatus>, Problem> sessions() = 0;
    virtual std::expected<std::vector<DeviceStatus>, Problem> devices() = 0;
    virtual std::expected<std::vector<TargetStatus>, Problem> targets() = 0;
    /// Looks again at the device's backing store; initiators are told what has changed.
    virtual std::expected<DeviceStatus, Problem> refresh_device(const RefreshRequest& request) = 0;
    /// Changes the disc of a drive; initiators are told.
    virtual std::expected<DeviceStatus, Problem> change_disc(const DiscRequest& request) = 0;
    /// Of every device.
    virtual std::expected<std::vector<ReservationStatus>, Problem> reservations() = 0;
    /// Removes every registration and reservation of the device, kept ones too.
    virtual std::expected<ReservationStatus, Problem> clear_reservations(std::string_view device) = 0;
    virtual std::expected<std::vector<DeviceGroupStatus>, Problem> device_groups() = 0;
    /// In force, and kept, when it returns well; initiators are told.
    virtual std::expected<DeviceGroupStatus, Problem> set_path(const PathChange& change) = 0;
    /// Ends the session as if its connections were lost.
    virtual std::expected<void, Problem> drop_session(std::uint64_t id) = 0;
    /// Reads the configuration again, and applies what can be had without a restart. A problem: nothing has
    /// changed.
    virtual std::expected<ReloadReport, Problem> reload(bool dry_run) = 0;
};

}  // namespace targe::admin
