// A tape drive whose cartridge is a file that is only read: filetape SOCKET FILE. A block is as long as a READ asks for, so that
// `tar -xf /dev/st0` unpacks a file that tar wrote.
#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <targe_async.h>

#include <fcntl.h>
#include <unistd.h>

namespace {

enum { kBlankCheck = 8, kMediumError = 3 };  // sense keys

class FileTape final : public targe::CommandHandler {
public:
    explicit FileTape(const char* path) : file_(::open(path, O_RDONLY | O_CLOEXEC)), size_(std::filesystem::file_size(path)) {}

    targe::Execution execute(targe_command& command) override {
        switch (command.cdb[0]) {
            case 0x08: return read(command);
            case 0x05: return read_block_limits(command);
            case 0x1a: return mode_sense(command);
            case 0x00: case 0x1e: return done(command);  // TEST UNIT READY, PREVENT ALLOW MEDIUM REMOVAL
            case 0x01: case 0x1b:                        // REWIND, LOAD UNLOAD
                at_ = 0;
                mark_read_ = false;
                return done(command);
            default: return unknown(command);
        }
    }

private:
    targe::Execution done(targe_command& /*command*/) { co_return TARGE_DONE; }
    targe::Execution unknown(targe_command& command) { co_return targe_unknown_opcode(&command); }

    targe::Execution read(targe_command& command) {
        const auto wanted = static_cast<std::uint32_t>(command.cdb[2] << 16 | command.cdb[3] << 8 | command.cdb[4]);
        const bool reports_length = (command.cdb[1] & 2) == 0;  // SILI
        if ((command.cdb[1] & 1) != 0) co_return targe_invalid_field(&command, 1, 0);  // FIXED: no block length is set
        if (wanted == 0) co_return TARGE_DONE;
        const std::uint64_t at = at_, length = std::min<std::uint64_t>(wanted, size_ - at);
        if (length == 0) {
            targe_fail(&command, mark_read_ ? kBlankCheck : 0, 0x00, mark_read_ ? 0x05 : 0x01);
            command.sense.flags = static_cast<std::uint8_t>(TARGE_SENSE_INFORMATION | (mark_read_ ? 0 : TARGE_SENSE_FILEMARK));
            command.sense.information = wanted;
            mark_read_ = true;
            co_return TARGE_DONE;
        }
        at_ += length;  // the next READ begins there, and may do so while this one waits for the file
        co_await workers_;
        const std::uint64_t part = std::min(length, command.data_in_room);
        if (::pread(file_, command.data_in, part, static_cast<off_t>(at)) != static_cast<ssize_t>(part)) {
            co_return targe_fail(&command, kMediumError, 0x11, 0x00);  // UNRECOVERED READ ERROR
        }
        command.data_in_length = part;
        command.wanted = length;
        if (length < wanted && reports_length) {
            targe_fail(&command, 0, 0x00, 0x00);
            command.sense.flags = TARGE_SENSE_INFORMATION | TARGE_SENSE_ILI;
            command.sense.information = wanted - static_cast<std::int64_t>(length);
        }
        co_return TARGE_DONE;
    }
    targe::Execution read_block_limits(targe_command& command) {
        const std::uint8_t limits[6] = {0, 0x10, 0, 0, 0, 1};  // 1 byte to 1 MiB
        co_return targe_reply(&command, limits, sizeof limits);
    }
    targe::Execution mode_sense(targe_command& command) {
        const std::uint8_t parameters[12] = {11, 0, 0x90, 8};  // write protected, buffered mode 1; one block descriptor, of variable blocks
        co_return targe_reply(&command, parameters, std::min<std::size_t>(sizeof parameters, command.cdb[4]));
    }

    int file_;
    std::uint64_t size_, at_ = 0;
    bool mark_read_ = false;
    targe::Workers workers_{2};
};

targe::Attachment* attached = nullptr;

}  // namespace

int main(int argc, char** argv) try {
    if (argc != 3) return std::fputs("usage: filetape SOCKET FILE\n", stderr), 2;
    FileTape tape(argv[2]);
    targe_attachment how{};
    how.socket = argv[1], how.name = "filetape 1", how.peripheral_type = 0x01, how.removable = 1, how.reattach = 1;
    targe::Attachment attachment(tape, how, 10'000);
    attached = &attachment;
    std::signal(SIGTERM, [](int) { attached->stop(); });
    return attachment.run() == 0 ? 0 : 1;
} catch (const std::exception& error) {
    return std::fprintf(stderr, "filetape: %s\n", error.what()), 1;
}
