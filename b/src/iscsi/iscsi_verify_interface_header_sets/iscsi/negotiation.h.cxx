#include <iscsi/negotiation.h> // IWYU pragma: associated
