// image_copy --port P --target IQN --image FILE --way to|from [--lun N] [--digests yes|no] [--bytes N]
// Copies a file to a unit of 512-byte blocks, or a unit to a file, eight operations at once.
#include "bench/arguments.h"
#include "initiator/session.h"
#include "initiator/unit.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <exception>

namespace {

using targe::initiator::Completion;
using targe::initiator::Session;

constexpr std::size_t kPiece = std::size_t{256} << 10U;
constexpr std::uint32_t kDepth = 8;
constexpr std::uint32_t kBlock = 512;

enum class Way : std::uint8_t { to_unit, from_unit };

class Copy {
public:
    Copy(Session& session, int file, Way way, std::uint64_t bytes)
        : session_(session), file_(file), way_(way), bytes_(bytes) {
        for (auto& buffer : buffers_) {
            buffer.resize(kPiece);
        }
    }

    void run() {
        for (std::uint32_t tag = 0; tag < kDepth; ++tag) {
            begin(tag);
        }
        while (under_way_ > 0) {
            session_.flush();
            ended_.clear();
            if (!session_.receive(ended_)) {
                session_.wait();
            }
            for (const Completion& completion : ended_) {
                end(completion);
                begin(completion.tag);
            }
        }
    }

private:
    void begin(std::uint32_t tag) {
        if (next_ >= bytes_) {
            return;
        }
        const std::size_t size = std::min<std::uint64_t>(kPiece, bytes_ - next_);
        const auto blocks = static_cast<std::uint32_t>(size / kBlock);
        std::byte* const data = buffers_.at(tag).data();
        if (way_ == Way::to_unit) {
            if (::pread(file_, data, size, static_cast<off_t>(next_)) != static_cast<ssize_t>(size)) {
                throw std::runtime_error("the image cannot be read");
            }
            session_.write(tag, next_ / kBlock, blocks, {data, size});
        } else {
            session_.read(tag, next_ / kBlock, blocks, size, data);
        }
        places_.at(tag) = {next_, size};
        next_ += size;
        ++under_way_;
    }

    void end(const Completion& completion) {
        const auto [offset, size] = places_.at(completion.tag);
        --under_way_;
        if (!completion.good) {
            throw std::runtime_error("the target failed an operation at byte " + std::to_string(offset));
        }
        if (way_ == Way::from_unit && ::pwrite(file_, buffers_.at(completion.tag).data(), size,
                                               static_cast<off_t>(offset)) != static_cast<ssize_t>(size)) {
            throw std::runtime_error("the image cannot be written");
        }
    }

    Session& session_;
    int file_;
    Way way_;
    std::uint64_t bytes_;
    std::uint64_t next_ = 0;
    std::uint32_t under_way_ = 0;
    std::array<std::vector<std::byte>, kDepth> buffers_;
    std::array<std::pair<std::uint64_t, std::size_t>, kDepth> places_{};
    std::vector<Completion> ended_;
};

// At the end, so that all is durable.
void synchronize(Session& session) {
    session.synchronize_cache(0);
    if (!session.finish(std::chrono::seconds{60})) {
        throw std::runtime_error("the target does not make the data durable");
    }
}

}  // namespace

int main(int count, char** values) {
    try {
        targe::bench::Arguments arguments(count, values);
        targe::initiator::SessionOptions options;
        options.port = arguments.number("port", options.port);
        options.target = arguments.text("target", "");
        options.lun = arguments.number("lun", options.lun);
        const bool digests = arguments.text("digests", "no") == "yes";
        options.digests = {.header = digests, .data = digests};
        const Way way = arguments.text("way", "to") == "from" ? Way::from_unit : Way::to_unit;
        const std::string image = arguments.text("image", "");
        const int file =
            ::open(image.c_str(), way == Way::to_unit ? O_RDONLY : O_RDWR | O_CREAT | O_TRUNC, 0644);
        if (file < 0) {
            throw std::runtime_error("cannot open " + image);
        }
        const auto found = way == Way::to_unit ? static_cast<std::uint64_t>(::lseek(file, 0, SEEK_END)) : 0;
        const auto bytes = arguments.number("bytes", found);
        arguments.finish();
        Session session(options);
        targe::initiator::make_ready(session);
        Copy(session, file, way, bytes).run();
        synchronize(session);
        session.log_out();
        ::close(file);
        std::printf("%llu bytes\n", static_cast<unsigned long long>(bytes));
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "image_copy: %s\n", error.what());
        return 2;
    }
}
