#include <iscsi/text_exchange.h> // IWYU pragma: associated
