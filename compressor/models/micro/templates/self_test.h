#ifndef @GUARD@_SELF_TEST_H
#define @GUARD@_SELF_TEST_H

/* Runs the sample in @NAME@_vector.h. Returns 0 if every byte of every output is as it should be, the number of the first
 * output that is not, counted from 1, and -1 if the model cannot be run. */
int @NAME@_self_test();

#endif
