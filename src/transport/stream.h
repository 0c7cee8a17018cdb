// A connection as its user sees it: bytes in and out, in order. TcpStream is one; the simulator has another.
#pragma once

#include "base/buffer.h"
#include "base/core.h"
#include "base/pages.h"

#include <cstddef>
#include <span>

namespace targe::transport {

/// Whose bytes they are. Called on the stream's core, never from within a call that the user makes to the
/// stream.
class StreamUser {
public:
    StreamUser() = default;
    StreamUser(const StreamUser&) = delete;
    StreamUser& operator=(const StreamUser&) = delete;

    /// Where the bytes that come next are to go; asked again before every receive. Empty: nothing may come
    /// now, until Stream::resume_receiving().
    virtual base::Segments receive_space() = 0;
    /// The first `bytes` of the space are filled.
    virtual void received(std::size_t bytes) = 0;
    /// The peer will send nothing more, and may still read. The user goes on, and ends with close() or
    /// abort().
    virtual void peer_finished() = 0;
    /// Fills `into` from the front with what is to be sent, beginning at the first byte that was not yet told
    /// to sent(); returns how many. Nothing has been promised to the kernel until sent() says so: it may be
    /// asked again.
    virtual std::size_t gather(std::span<base::ConstSegment> into) = 0;
    /// What is to be sent behind that, before gather() has more; with Stream::takes_pages() only.
    [[nodiscard]] virtual base::Piped piped() { return {}; }
    /// The kernel has taken a copy of the next `bytes`, or the pages that they are in.
    virtual void sent(std::size_t bytes) = 0;
    /// The connection broke: reset, timed out, or closed by an error of the host; `error` is the errno.
    /// closed() follows by itself.
    virtual void lost(int error) = 0;
    /// The answer to Stream::halt().
    virtual void halted() = 0;
    /// The last call. The stream, and the user, may be destroyed in it.
    virtual void closed() = 0;

protected:
    ~StreamUser() = default;
};

/// Belongs to its user and to one core, where it is made, used and destroyed: the last only after
/// StreamUser::closed(). It may change its core while it is halted.
class Stream {
public:
    Stream() = default;
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;
    virtual ~Stream() = default;

    /// Whether StreamUser::piped() is asked.
    [[nodiscard]] virtual bool takes_pages() const { return false; }

    /// Nothing is received before it.
    virtual void start() = 0;
    /// There is something to gather(): it is sent at the end of this turn.
    virtual void send_soon() = 0;
    /// receive_space() has space again.
    virtual void resume_receiving() = 0;

    /// Neither receives nor sends from now on. StreamUser::halted() follows in a later turn, unless abort()
    /// comes first; then nothing of its core knows it any more, and a message may take it to another. Until
    /// go_on() only abort() may be called, and once halted not even that.
    virtual void halt() = 0;
    /// After StreamUser::halted(), on `core`, which is its own from now on. Of the same kind as the first.
    virtual void go_on(base::Core& core) = 0;

    /// Sends what gather() still has, then closes in order: the peer sees every byte and then the end. What
    /// it sends meanwhile is thrown away. After `limit` it becomes an abort(); a second call may
    /// shorten it.
    virtual void close(base::Duration limit) = 0;
    /// Closes at once with a reset.
    virtual void abort() = 0;
};

}  // namespace targe::transport
