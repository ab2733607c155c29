/* TEST_IS_SANITIZED: 1 in builds with a sanitizer, where exhaustive tests take ten times as long
 * and half of their cases show what all of them would. */
#ifndef RK_TEST_SUPPORT_SANITIZED_H
#define RK_TEST_SUPPORT_SANITIZED_H

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) ||                               \
    __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define TEST_IS_SANITIZED 1
#else
#define TEST_IS_SANITIZED 0
#endif

#endif
