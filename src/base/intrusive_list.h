// A doubly linked list whose links live in its members: insertion and removal allocate nothing.
#pragma once

#include "base/assert.h"

#include <cstddef>
#include <iterator>

namespace targe::base {

/// Base of whatever can be in a list. `Tag` tells the lists apart that one object can be in at the same time.
template <class Tag = void>
class ListHook {
public:
    ListHook() = default;
    ListHook(const ListHook&) = delete;
    ListHook& operator=(const ListHook&) = delete;
    ~ListHook() { TARGE_ASSERT(!linked()); }

    [[nodiscard]] bool linked() const { return next_ != nullptr; }
    /// Leaves the list it is in; nothing happens when it is in none.
    void unlink() {
        if (linked()) {
            prev_->next_ = next_;
            next_->prev_ = prev_;
            next_ = prev_ = nullptr;
        }
    }

private:
    template <class, class>
    friend class IntrusiveList;
    ListHook* next_ = nullptr;
    ListHook* prev_ = nullptr;
};

/// Does not own its members. Must be empty when it ends.
template <class T, class Tag = void>
class IntrusiveList {
    using Hook = ListHook<Tag>;

public:
    class iterator {
    public:
        using iterator_category = std::bidirectional_iterator_tag;
        using value_type = T;
        using difference_type = std::ptrdiff_t;
        using pointer = T*;
        using reference = T&;

        iterator() = default;
        explicit iterator(Hook* at) : at_(at) {}
        T& operator*() const { return static_cast<T&>(*at_); }
        T* operator->() const { return &**this; }
        iterator& operator++() {
            at_ = at_->next_;
            return *this;
        }
        iterator operator++(int) {
            auto before = *this;
            ++*this;
            return before;
        }
        bool operator==(const iterator&) const = default;

    private:
        Hook* at_ = nullptr;
    };

    IntrusiveList() { head_.next_ = head_.prev_ = &head_; }
    IntrusiveList(const IntrusiveList&) = delete;
    IntrusiveList& operator=(const IntrusiveList&) = delete;
    ~IntrusiveList() {
        TARGE_ASSERT(empty());
        head_.next_ = head_.prev_ = nullptr;
    }

    [[nodiscard]] bool empty() const { return head_.next_ == &head_; }
    T& front() { return static_cast<T&>(*head_.next_); }
    const T& front() const { return static_cast<const T&>(*head_.next_); }
    void push_back(T& member) { insert_before(head_, member); }
    void push_front(T& member) { insert_before(*head_.next_, member); }
    /// The first member, taken out. The list must not be empty.
    T& pop_front() {
        TARGE_ASSERT(!empty());
        T& first = front();
        static_cast<Hook&>(first).unlink();
        return first;
    }
    iterator begin() { return iterator(head_.next_); }
    iterator end() { return iterator(&head_); }

private:
    static void insert_before(Hook& next, T& member) {
        Hook& hook = member;
        TARGE_ASSERT(!hook.linked());
        hook.prev_ = next.prev_;
        hook.next_ = &next;
        next.prev_->next_ = &hook;
        next.prev_ = &hook;
    }

    Hook head_;
};

}  // namespace targe::base
