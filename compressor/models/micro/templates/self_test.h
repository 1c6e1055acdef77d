#ifndef @GUARD@_SELF_TEST_H
#define @GUARD@_SELF_TEST_H

/* Runs the sample in @NAME@_vector.h. Returns 0 if every output is as near to LiteRT's as that file wants it, the number
 * of the first output that is not, counted from 1, and -1 if the model cannot be run. */
int @NAME@_self_test();

/* How far the outputs of the last run were off at most, as a share of what is allowed: 0 is the same bit by bit, and more
 * than 1 too far. */
extern double @NAME@_self_test_difference;

#endif
