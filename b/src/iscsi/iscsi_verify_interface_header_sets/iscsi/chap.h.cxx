#include <iscsi/chap.h> // IWYU pragma: associated
