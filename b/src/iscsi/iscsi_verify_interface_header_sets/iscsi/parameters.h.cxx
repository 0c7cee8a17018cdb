#include <iscsi/parameters.h> // IWYU pragma: associated
