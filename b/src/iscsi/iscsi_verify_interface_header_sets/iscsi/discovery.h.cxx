#include <iscsi/discovery.h> // IWYU pragma: associated
