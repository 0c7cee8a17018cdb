// A stream that goes on on another core: nothing of the old ring may point at it then.
#include "transport/tcp_stream.h"

namespace targe::transport {

void TcpStream::halt() {
    TARGE_ASSERT(state_ == State::open);
    state_ = State::halting;
    reactor::Poller::unlink();
    reactor::TurnEnd::unlink();
    in_.cancel();
    out_.cancel();
    trouble_.cancel();
    halt_when_quiet();
}

void TcpStream::halt_when_quiet() {
    if (quiet()) {
        reactor_->post(halted_);
    }
}

void TcpStream::Halted::run() {
    if (stream_.state_ == State::halting) {
        stream_.state_ = State::halted;
        stream_.user_.halted();
    }
}

void TcpStream::go_on(base::Core& core) {
    TARGE_ASSERT(state_ == State::halted);
    reactor_ = &static_cast<reactor::Reactor&>(core);
    state_ = State::idle;
    start();
}

}  // namespace targe::transport
