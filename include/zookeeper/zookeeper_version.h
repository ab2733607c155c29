/* The version of the ZooKeeper C interface that these headers describe; zoo_version_str tells that
 * of the library a program runs on. */
#ifndef ZOOKEEPER_VERSION_H_
#define ZOOKEEPER_VERSION_H_

#define ZOO_VERSION "3.10.0"

#endif
