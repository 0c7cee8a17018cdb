#include "iscsi/control_pdu.h"

namespace targe::iscsi {

ControlPool::~ControlPool() {
    while (!free_.empty()) {
        delete static_cast<ControlPdu*>(&free_.pop_front());
    }
}

ControlPdu& ControlPool::take() {
    ++out_;
    if (free_.empty()) {
        return *new ControlPdu;
    }
    --free_count_;
    auto& pdu = static_cast<ControlPdu&>(free_.pop_front());
    pdu.header.fill(std::byte{0});
    pdu.data.clear();
    pdu.numbering = Numbering::response;
    return pdu;
}

void ControlPool::give_back(ControlPdu& pdu) {
    --out_;
    bytes_out_ -= pdu.data.size();
    if (free_count_ == kKept || pdu.data.capacity() > kKeptBytes) {
        delete &pdu;
        return;
    }
    ++free_count_;
    free_.push_front(pdu);
}

}  // namespace targe::iscsi
