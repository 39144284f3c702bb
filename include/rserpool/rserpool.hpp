/*
 * SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Reliable Server Pooling (RFC 5351-5356) in C++17: a thin layer over <rserpool/rserpool.h>, in this header alone.
 *
 *    rserpool::Library library;                      // the registrar: from RSERPOOL_REGISTRARS, or as it announces itself
 *    char buffer[65536];
 *
 * A server:
 *
 *    rserpool::PoolElement server;
 *    server.listen();
 *    server.register_in("EchoPool");
 *    while(auto got = server.receive(buffer, sizeof(buffer))) {
 *       if(got->is_data()) (void)server.send({buffer, got->length}, rserpool::to(*got));
 *    }
 *
 * A client:
 *
 *    rserpool::PoolUser client;
 *    client.automatic_failover(true);
 *    client.connect("EchoPool");
 *    if(client.send("hello") == rserpool::Sent::yes) {
 *       auto got = client.receive(buffer, sizeof(buffer), std::chrono::seconds(5));
 *    }
 *
 * Objects own what they stand for, close it at their end, and can be moved, not copied. Their descriptors are real ones, for
 * poll(), epoll and event loops. Any object may be used by several threads at a time, but not while it is moved or destroyed.
 *
 * Errors are std::system_error, with errno as code() and rsp_last_error() in what(). What is no error is in the result: that
 * nothing came in time is an empty std::optional, that nothing could be sent now is a rserpool::Sent. A signal handler that
 * ends a call in receive(), accept() and send() counts as time that is over.
 */
#ifndef RSERPOOL_HPP
#define RSERPOOL_HPP

#include <arpa/inet.h>
#include <rserpool/rserpool-internals.h>
#include <rserpool/rserpool.h>

#include <cerrno>
#include <chrono>
#include <climits>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace rserpool {

using std::chrono::milliseconds;

/** As time limit: none. */
inline constexpr milliseconds forever{-1};
/** As time limit: do not wait. */
inline constexpr milliseconds no_wait{0};

namespace detail {

[[noreturn]] inline void fail(const char* function)
{
   const int   error = errno;
   std::string what  = function;
   const char* exact = rsp_last_error();
   if(*exact != '\0') {
      what.append(": ").append(exact);
   }
   throw std::system_error(error, std::generic_category(), what);
}

template <typename Result> Result check(Result result, const char* function)
{
   if(result < 0) {
      fail(function);
   }
   return result;
}

inline int limited(milliseconds time)
{
   return (time.count() > INT_MAX) ? INT_MAX : static_cast<int>(time.count());
}

inline unsigned int duration(milliseconds time)
{
   return (time.count() < 0) ? 0 : static_cast<unsigned int>(limited(time));
}

inline const std::uint8_t* bytes(std::string_view text)
{
   /* An empty string_view may be NULL, which C calls another error. */
   return reinterpret_cast<const std::uint8_t*>(text.data() == nullptr ? "" : text.data());
}

} /* namespace detail */

/** What the library is started with: struct rsp_info. */
class Settings {
public:
   Settings() { rsp_initinfo(&info_); }
   ~Settings() { rsp_freeinfo(&info_); }
   Settings(const Settings&)            = delete;
   Settings& operator=(const Settings&) = delete;

   /** Takes an argument of the command line like "-registrar=ADDRESS:PORT", if it is the library's. */
   bool argument(const char* text) { return detail::check(rsp_initarg(&info_, text), "rsp_initarg") == 1; }

   /** For fields that no argument sets. */
   rsp_info* get() noexcept { return &info_; }

private:
   rsp_info info_{};
};

/** The running library. Make one, before anything else; at its end, everything that is still open closes. */
class Library {
public:
   Library() { detail::check(rsp_initialize(nullptr), "rsp_initialize"); }
   explicit Library(Settings& settings) { detail::check(rsp_initialize(settings.get()), "rsp_initialize"); }
   ~Library()
   {
      if(runs_) {
         rsp_cleanup();
      }
   }
   Library(Library&& other) noexcept : runs_(std::exchange(other.runs_, false)) {}
   Library(const Library&)            = delete;
   Library& operator=(const Library&) = delete;
   Library& operator=(Library&&)      = delete;

private:
   bool runs_ = true;
};

/** Something that was received. */
struct Received {
   enum class Kind {
      data,
      cookie,             /**< the state of a session that comes from another server: what that one sent with send_cookie() */
      end,                /**< the session is over, on sockets that have one only */
      session_added,      /**< to a one-to-many server */
      session_removed,    /**< from a one-to-many server */
      failover_necessary, /**< call PoolUser::force_failover(), unless failover is automatic */
      failover_complete,
      shutdown,    /**< the other end closes the session */
      send_failed, /**< messages that the element `pool_element` never acknowledged, and nobody else gets */
      registration_changed, /**< see PoolElement::registration_events(): `error` tells how the registration stands */
      other                 /**< a notification that this header does not know: it is in the buffer */
   };
   Kind               kind     = Kind::data;
   std::size_t        length   = 0;    /**< bytes in the buffer */
   bool               complete = true; /**< false: the message is longer than the buffer, and goes on */
   rserpool_session_t session  = 0;
   std::uint32_t      ppid     = 0; /**< payload protocol identifier, in host byte order */
   std::uint16_t      stream   = 0;
   std::uint32_t      pool_element = 0;     /**< identifier of the other end, if it is a pool element */
   bool               has_cookie   = false; /**< with failover_necessary: the next server will know the session's state */
   int                error        = 0; /**< with registration_changed: 0 when it is registered, else an errno */

   bool is_data() const noexcept { return kind == Kind::data; }
};

/** How a message is sent. */
struct Sending {
   rserpool_session_t session = 0; /**< for one-to-many servers */
   std::uint32_t      ppid    = 0; /**< payload protocol identifier, in host byte order; not 11, which is ASAP's */
   std::uint16_t      stream  = 0;
   milliseconds       time_to_live{0}; /**< after which a message that waits is dropped; 0: none */
   milliseconds       timeout{5000};   /**< how long to wait for room in the queue */
   std::uint16_t      flags = 0;       /**< SCTP_UNORDERED, SCTP_EOF, SCTP_ABORT */
};

/** Back to where this came from. */
inline Sending to(const Received& received)
{
   Sending sending;
   sending.session = received.session;
   sending.ppid    = received.ppid;
   sending.stream  = received.stream;
   return sending;
}

/** What became of a message. */
enum class Sent {
   yes,     /**< it is in the queue */
   no_room, /**< not in time: the queue is full, or the library is moving the session; or a signal came */
   lost     /**< the session has no server, which needs a failover; or it has ended */
};

/** Who got a message of Socket::send_to_pool(). */
struct Reached {
   int                elements     = 0; /**< how many */
   std::uint32_t      pool_element = 0; /**< identifier of the last of them */
   rserpool_session_t session      = 0; /**< with it, in which send() may go on */
};

/** A pool handle and the identifier of one of its elements. */
struct Name {
   std::string   pool;
   std::uint32_t identifier = 0;
};

/** An RSerPool socket. */
class Socket {
public:
   ~Socket()
   {
      if(sd_ >= 0) {
         rsp_close(sd_);
      }
   }
   Socket(Socket&& other) noexcept : sd_(std::exchange(other.sd_, -1)) {}
   Socket& operator=(Socket&& other) noexcept
   {
      if(this != &other) {
         const int old = std::exchange(sd_, std::exchange(other.sd_, -1));
         if(old >= 0) {
            rsp_close(old);
         }
      }
      return *this;
   }
   Socket(const Socket&)            = delete;
   Socket& operator=(const Socket&) = delete;

   /** For poll(), epoll and rsp_ functions; -1 after close(), release() and moving. */
   int      descriptor() const noexcept { return sd_; }
   explicit operator bool() const noexcept { return sd_ >= 0; }
   /** Gives the descriptor away; rsp_close() it. */
   int release() noexcept { return std::exchange(sd_, -1); }

   void close() { detail::check(rsp_close(std::exchange(sd_, -1)), "rsp_close"); }

   /** `count` addresses, one directly behind the other; without, any. */
   void bind(const sockaddr* addresses = nullptr, int count = 0)
   {
      detail::check(rsp_bind(sd_, addresses, count), "rsp_bind");
   }

   /** An option of level SOL_RSERPOOL. */
   int option(int name) const
   {
      int       value  = 0;
      socklen_t length = sizeof(value);
      detail::check(rsp_getsockopt(sd_, SOL_RSERPOOL, name, &value, &length), "rsp_getsockopt");
      return value;
   }
   void option(int name, int value)
   {
      detail::check(rsp_setsockopt(sd_, SOL_RSERPOOL, name, &value, sizeof(value)), "rsp_setsockopt");
   }
   /** Sets what is not 0, and returns what holds now. */
   rserpool_session_parameters session_parameters(rserpool_session_parameters wanted = rserpool_session_parameters())
   {
      detail::check(rsp_update_session_parameters(sd_, &wanted), "rsp_update_session_parameters");
      return wanted;
   }

   [[nodiscard]] Sent send(std::string_view message, const Sending& how = Sending())
   {
      const ssize_t sent = rsp_sendmsg(sd_, detail::bytes(message), message.size(), 0, how.session, htonl(how.ppid), how.stream,
                                       detail::duration(how.time_to_live), how.flags, send_limit(how.timeout));
      return outcome(sent, "rsp_sendmsg");
   }

   /** One message to a pool without connect(): to an element of the pool's choice, to the one with `identifier`, or to whom
       RSP_SEND_TO_LAST or RSP_SEND_TO_ALL say. Answers come by receive(). None: not in time, or a signal came. That nobody is
       there is an error: ENOENT, EHOSTUNREACH or EIO. */
   std::optional<Reached> send_to_pool(std::string_view message, std::string_view pool, unsigned int flags = RSP_SEND_NO_FAILOVER,
                                       std::uint32_t identifier = 0, const Sending& how = Sending(),
                                       milliseconds stale_cache = no_wait)
   {
      rsp_sndrcvinfo info{};
      info.rinfo_ppid       = htonl(how.ppid);
      info.rinfo_stream     = how.stream;
      info.rinfo_timetolive = detail::duration(how.time_to_live);
      const int elements =
         rsp_sendto_pool(sd_, message.data(), message.size(), detail::bytes(pool), pool.size(), identifier, flags, &info,
                         detail::duration(stale_cache), detail::limited(how.timeout));
      if(elements >= 0) {
         return Reached{elements, info.rinfo_pe_id, info.rinfo_session};
      }
      if(errno == EAGAIN || errno == EINTR) {
         return std::nullopt;
      }
      detail::fail("rsp_sendto_pool");
   }

   /** Into `buffer`, which has room for a notification: sizeof(rserpool_notification). */
   std::optional<Received> receive(void* buffer, std::size_t size, milliseconds timeout = forever)
   {
      rsp_sndrcvinfo info{};
      int            flags  = 0;
      const ssize_t  length = rsp_recvfullmsg(sd_, buffer, size, &info, &flags, detail::limited(timeout));
      if(length < 0) {
         if(errno == EAGAIN || errno == EINTR) {
            return std::nullopt;
         }
         detail::fail("rsp_recvfullmsg");
      }
      Received received;
      received.length       = static_cast<std::size_t>(length);
      received.complete     = (flags & MSG_EOR) != 0 || (flags & MSG_RSERPOOL_NOTIFICATION) != 0 || length == 0;
      received.session      = info.rinfo_session;
      received.ppid         = ntohl(info.rinfo_ppid);
      received.stream       = info.rinfo_stream;
      received.pool_element = info.rinfo_pe_id;
      if((flags & MSG_RSERPOOL_NOTIFICATION) != 0) {
         read_notification(buffer, received);
      }
      else if((flags & MSG_RSERPOOL_COOKIE_ECHO) != 0) {
         received.kind = Received::Kind::cookie;
      }
      else if(length == 0) {
         received.kind = Received::Kind::end;
      }
      return received;
   }

   /** Says in a few words what the program does with the session, for component status reports. */
   void status(const char* text, rserpool_session_t session = 0)
   {
      detail::check(rsp_csp_setstatus(sd_, session, text), "rsp_csp_setstatus");
   }

protected:
   Socket(int type, int domain) : sd_(detail::check(rsp_socket(domain, type, IPPROTO_SCTP), "rsp_socket")) {}
   explicit Socket(int sd) noexcept : sd_(sd) {}

   /* In C, negative limits of sending mean "do not wait". */
   static int send_limit(milliseconds timeout) { return (timeout.count() < 0) ? INT_MAX : detail::limited(timeout); }

   Sent outcome(ssize_t result, const char* function) const
   {
      if(result >= 0) {
         return Sent::yes;
      }
      if(errno == EAGAIN || errno == EINTR) {
         return Sent::no_room;
      }
      /* ENOTCONN: the socket has no such session any more. */
      if(errno == EIO || errno == ENOTCONN) {
         return Sent::lost;
      }
      detail::fail(function);
   }

   template <typename Function> Name name(Function function, const char* called) const
   {
      std::uint8_t handle[256];
      std::size_t  size = sizeof(handle);
      Name         name;
      detail::check(function(sd_, handle, &size, &name.identifier), called);
      name.pool.assign(reinterpret_cast<const char*>(handle), size);
      return name;
   }

   Sent send_cookie_in(std::string_view cookie, rserpool_session_t session, milliseconds timeout)
   {
      return outcome(rsp_send_cookie(sd_, detail::bytes(cookie), cookie.size(), session, send_limit(timeout)), "rsp_send_cookie");
   }

private:
   static void read_notification(const void* buffer, Received& received)
   {
      rserpool_notification n{};
      std::memcpy(&n, buffer, (received.length < sizeof(n)) ? received.length : sizeof(n));
      switch(n.rn_header.rn_type) {
         case RSERPOOL_SESSION_CHANGE:
            received.session = n.rn_session_change.rsc_session;
            received.kind    = (n.rn_session_change.rsc_state == RSERPOOL_SESSION_ADD) ? Received::Kind::session_added
                                                                                       : Received::Kind::session_removed;
            break;
         case RSERPOOL_FAILOVER:
            received.session    = n.rn_failover.rf_session;
            received.has_cookie = n.rn_failover.rf_has_cookie != 0;
            received.kind       = (n.rn_failover.rf_state == RSERPOOL_FAILOVER_NECESSARY) ? Received::Kind::failover_necessary
                                                                                          : Received::Kind::failover_complete;
            break;
         case RSERPOOL_SHUTDOWN_EVENT:
            received.session = n.rn_shutdown_event.rse_session;
            received.kind    = Received::Kind::shutdown;
            break;
         case RSERPOOL_REGISTRATION_CHANGE:
            received.error        = n.rn_registration_change.rrc_error;
            received.pool_element = n.rn_registration_change.rrc_identifier;
            received.kind         = Received::Kind::registration_changed;
            break;
         case RSERPOOL_SEND_FAILED:
            received.session      = n.rn_send_failed.rsf_session;
            received.pool_element = n.rn_send_failed.rsf_identifier;
            received.kind         = Received::Kind::send_failed;
            break;
         default:
            received.kind = Received::Kind::other;
            break;
      }
   }

   int sd_;
};

/** A client: a session with a pool, which outlives the pool's servers. */
class PoolUser : public Socket {
public:
   explicit PoolUser(int domain = 0) : Socket(SOCK_SEQPACKET, domain) {}

   /** The library moves the session to another server by itself. */
   void automatic_failover(bool on) { option(RSERPOOL_AUTO_FAILOVER, on ? 1 : 0); }
   /** After a failover it sends again what the old server never acknowledged. */
   void resend(bool on) { option(RSERPOOL_FAILOVER_RESEND, on ? 1 : 0); }

   /** Succeeds also when no server can be reached: then the session begins with Kind::failover_necessary. */
   void connect(std::string_view pool, milliseconds stale_cache = no_wait)
   {
      detail::check(rsp_connect(sd(), detail::bytes(pool), pool.size(), detail::duration(stale_cache)), "rsp_connect");
   }

   /** Looks for another server. Kind::failover_complete or, again, Kind::failover_necessary tells how it went; false: a signal
       came, or the search goes on. */
   bool force_failover(unsigned int flags = FFF_NONE, milliseconds stale_cache = no_wait)
   {
      if(rsp_forcefailover(sd(), flags, detail::duration(stale_cache)) < 0) {
         if(errno == EINTR || errno == EIO || errno == ETIMEDOUT) {
            return false;
         }
         detail::fail("rsp_forcefailover");
      }
      return true;
   }

   /** Whether the next server will know the session's state. */
   bool has_cookie() const { return detail::check(rsp_has_cookie(sd()), "rsp_has_cookie") == 1; }
   /** The pool, and which of its elements serves the session now. */
   Name peer() const { return name(rsp_getpeername, "rsp_getpeername"); }

private:
   int sd() const noexcept { return descriptor(); }
};

/** A session that PoolElement::accept() gave. */
class Session : public Socket {
public:
   /** Takes over the descriptor of a session from rsp_accept(). */
   explicit Session(int sd) noexcept : Socket(sd) {}

   /** Has the client keep the session's state, for the next server. */
   [[nodiscard]] Sent send_cookie(std::string_view cookie, milliseconds timeout = milliseconds(5000))
   {
      return send_cookie_in(cookie, 0, timeout);
   }
};

/** A server: an element of a pool. */
class PoolElement : public Socket {
public:
   enum class Style {
      one_to_many, /**< all sessions on this socket: receive(), and send() with Sending::session */
      one_to_one   /**< a Session for each: accept() */
   };
   explicit PoolElement(Style style = Style::one_to_many, int domain = 0)
      : Socket((style == Style::one_to_one) ? SOCK_STREAM : SOCK_SEQPACKET, domain)
   {
   }

   void listen(int backlog = 128) { detail::check(rsp_listen(descriptor(), backlog), "rsp_listen"); }

   /** Registers, or changes what is registered, like the load. `identifier` 0: the library chooses one. Succeeds also when no
       registrar can be reached: the library goes on trying. */
   void register_in(std::string_view pool, const rsp_loadinfo* load = nullptr,
                    milliseconds reregistration = milliseconds(30000), int flags = 0, std::uint32_t identifier = 0)
   {
      TagItem tags[] = {{TAG_PoolElement_Identifier, identifier}, {TAG_DONE, 0}};
      detail::check(rsp_register_tags(descriptor(), detail::bytes(pool), pool.size(), load, detail::duration(reregistration),
                                      flags, tags),
                    "rsp_register");
   }
   /** Whenever the registration stands otherwise than before, receive() tells so by Kind::registration_changed, and where sessions are
       accepted, rsp_poll() shows it by POLLPRI. To be set before register_in(). */
   void registration_events(bool on) { option(RSERPOOL_REGISTRATION_EVENT, on ? 1 : 0); }
   /** Leaves the pool. The sessions stay. */
   void deregister(int flags = 0) { detail::check(rsp_deregister(descriptor(), flags), "rsp_deregister"); }
   /** Tells all clients, those of now and those to come, which elements to try, in this order, when this one fails; empty: those to
       come are not told. Returns how many of them are in the pool. Not for clients that use rsplib. */
   int send_business_card(const std::vector<std::uint32_t>& identifiers)
   {
      return detail::check(rsp_send_businesscard(descriptor(), identifiers.data(), identifiers.size()), "rsp_send_businesscard");
   }
   /** The pool, and this element's identifier. */
   Name name() const { return Socket::name(rsp_getsockname, "rsp_getsockname"); }

   /** A new session of a one-to-one server; none: not in time. */
   std::optional<Session> accept(milliseconds timeout = forever)
   {
      const int session = rsp_accept(descriptor(), detail::limited(timeout));
      if(session >= 0) {
         return Session(session);
      }
      if(errno == EAGAIN || errno == EINTR) {
         return std::nullopt;
      }
      detail::fail("rsp_accept");
   }

   /** Has the client of a session keep the session's state, for the next server. */
   [[nodiscard]] Sent send_cookie(std::string_view cookie, rserpool_session_t session, milliseconds timeout = milliseconds(5000))
   {
      return send_cookie_in(cookie, session, timeout);
   }
};

/** An element as the registrar knows it. */
struct Element {
   std::uint32_t                 identifier = 0;
   int                           protocol   = 0; /**< IPPROTO_SCTP, ... */
   int                           socktype   = 0; /**< SOCK_STREAM, ... */
   std::vector<sockaddr_storage> addresses;
};

/** The elements of a pool, best first; none: there is no such pool. `items`: how many at most; 0: as many as the registrar
    gives. */
inline std::vector<Element> resolve(std::string_view pool, std::size_t items = 0, milliseconds stale_cache = no_wait)
{
   std::vector<Element> elements;
   rsp_addrinfo*        first = nullptr;
   const int            found = rsp_getaddrinfo(detail::bytes(pool), pool.size(), &first, items, detail::duration(stale_cache));
   const std::unique_ptr<rsp_addrinfo, void (*)(rsp_addrinfo*)> list(first, rsp_freeaddrinfo);
   if(found == REAI_NONAME) {
      return elements;
   }
   if(found == REAI_MEMORY) {
      throw std::bad_alloc();
   }
   detail::check(found, "rsp_getaddrinfo");
   for(const rsp_addrinfo* at = first; at != nullptr; at = at->ai_next) {
      Element element;
      element.identifier  = at->ai_pe_id;
      element.protocol    = at->ai_protocol;
      element.socktype    = at->ai_socktype;
      const char* address = reinterpret_cast<const char*>(at->ai_addr);
      for(std::size_t i = 0; i < at->ai_addrs; i++) {
         sockaddr header;
         std::memcpy(&header, address, sizeof(header));
         const std::size_t length = (header.sa_family == AF_INET6) ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
         sockaddr_storage  copy{};
         std::memcpy(&copy, address, length);
         element.addresses.push_back(copy);
         address += length;
      }
      elements.push_back(std::move(element));
   }
   return elements;
}

/** A pool as a registrar describes it: struct rsp_poolinfo, freed at the end. */
using PoolInfo = std::unique_ptr<rsp_poolinfo, void (*)(rsp_poolinfo*)>;

/** Up to `items` elements of a pool (0: as many as possible) with policy, load and lifetime. Empty: no such pool. */
inline PoolInfo pool_info(std::string_view pool, std::size_t items = 0, milliseconds stale_cache = no_wait)
{
   rsp_poolinfo* info  = nullptr;
   const int     found = rsp_getpoolinfo(detail::bytes(pool), pool.size(), &info, items, detail::duration(stale_cache));
   if(found < 0 && errno != ENOENT) {
      detail::fail("rsp_getpoolinfo");
   }
   return PoolInfo(info, rsp_freepoolinfo);
}

/** A subscription to a pool. Its descriptor is readable when changes() has something to tell. */
class Subscription {
public:
   explicit Subscription(std::string_view pool)
       : sd_(detail::check(rsp_subscribe_pool(detail::bytes(pool), pool.size()), "rsp_subscribe_pool"))
   {
   }
   ~Subscription()
   {
      if(sd_ >= 0) {
         rsp_close(sd_);
      }
   }
   Subscription(Subscription&& other) noexcept : sd_(std::exchange(other.sd_, -1)) {}
   Subscription& operator=(Subscription&& other) noexcept
   {
      std::swap(sd_, other.sd_);
      return *this;
   }
   Subscription(const Subscription&)            = delete;
   Subscription& operator=(const Subscription&) = delete;

   int descriptor() const noexcept { return sd_; }

   /** All elements, each with what happened to it since the last call. Empty: nothing new in time, or a signal came. */
   PoolInfo changes(milliseconds timeout = forever)
   {
      rsp_poolinfo* info = nullptr;
      if(rsp_getpoolchange(sd_, &info, detail::limited(timeout)) < 0 && errno != EAGAIN && errno != EINTR) {
         detail::fail("rsp_getpoolchange");
      }
      return PoolInfo(info, rsp_freepoolinfo);
   }

private:
   int sd_;
};

/** Registers an element that is not a PoolElement, for so long. Identifier 0: one is chosen and written to `element`. */
inline void register_element(std::string_view pool, rsp_addrinfo& element, milliseconds life, const rsp_loadinfo* load = nullptr)
{
   if(rsp_pe_registration(detail::bytes(pool), pool.size(), &element, load, detail::duration(life), 0) != 0) {
      detail::fail("rsp_pe_registration");
   }
}

inline void deregister_element(std::string_view pool, std::uint32_t identifier)
{
   if(rsp_pe_deregistration(detail::bytes(pool), pool.size(), identifier, 0) != 0) {
      detail::fail("rsp_pe_deregistration");
   }
}

/** Tells the registrar that an element does not answer. */
inline void report_failure(std::string_view pool, std::uint32_t identifier)
{
   if(rsp_pe_failure(detail::bytes(pool), pool.size(), identifier) != 0) {
      detail::fail("rsp_pe_failure");
   }
}

} /* namespace rserpool */

#endif
