/* The C++ header: everything that servers and clients do, errors as exceptions, what is no error as results, moving. */
#include "check.h"

#include <rserpool/rserpool.hpp>

#include <arpa/inet.h>
#include <poll.h>

#include <type_traits>

using rserpool::PoolElement;
using rserpool::PoolUser;
using rserpool::Received;
using rserpool::Sent;
using rserpool::Session;
using std::chrono::milliseconds;
using Kind = Received::Kind;

static_assert(!std::is_copy_constructible_v<PoolUser> && !std::is_copy_assignable_v<PoolElement>, "handles are not copied");
static_assert(std::is_nothrow_move_constructible_v<PoolUser> && std::is_nothrow_move_assignable_v<Session>, "they are moved");
static_assert(std::is_nothrow_move_constructible_v<rserpool::Library>, "the library, too");

static const milliseconds patience(10000);

/* The errno of the exception that `action` throws; 0: none. */
template <typename Action> static int thrown(Action action)
{
   try {
      action();
   }
   catch(const std::system_error& error) {
      CHECK(error.code().category() == std::generic_category());
      CHECK(std::string(error.what()).rfind("rsp_", 0) == 0); /* names the function */
      return error.code().value();
   }
   return 0;
}

struct Event {
   Received    received;
   std::string content;
};

static Event next(rserpool::Socket& socket)
{
   char       buffer[1024];
   const auto received = socket.receive(buffer, sizeof(buffer), patience);
   if(!received) {
      CHECK(!"something comes");
      return Event();
   }
   return Event{*received, std::string(buffer, received->length)};
}

/* The next event that is no notification. */
static Event next_message(rserpool::Socket& socket)
{
   for(;;) {
      Event event = next(socket);
      if(event.received.kind == Kind::data || event.received.kind == Kind::cookie || event.received.kind == Kind::end) {
         return event;
      }
   }
}

static PoolElement open_server(const char* pool, PoolElement::Style style, std::uint32_t identifier)
{
   PoolElement server(style);
   server.listen(4);
   server.register_in(pool, nullptr, milliseconds(30000), 0, identifier);
   return server; /* moved, or not even that */
}

static void one_to_many()
{
   PoolElement server = open_server("cpp-many", PoolElement::Style::one_to_many, 0x1111);
   CHECK(server.name().pool == "cpp-many" && server.name().identifier == 0x1111);
   char buffer[256];
   CHECK(!server.receive(buffer, sizeof(buffer), rserpool::no_wait));

   PoolUser client;
   client.connect("cpp-many");
   CHECK(client.peer().pool == "cpp-many" && client.peer().identifier == 0x1111);
   CHECK(!client.has_cookie());
   rserpool::Sending how;
   how.ppid = 0x4711;
   CHECK(client.send("question", how) == Sent::yes);

   const Event added = next(server);
   CHECK(added.received.kind == Kind::session_added);
   const Event question = next(server);
   CHECK(question.received.is_data() && question.received.complete && question.content == "question");
   CHECK(question.received.ppid == 0x4711 && question.received.session == added.received.session);
   server.status("busy", question.received.session);
   CHECK(server.send_cookie("state", question.received.session) == Sent::yes);
   CHECK(server.send("answer", rserpool::to(question.received)) == Sent::yes);
   const Event answer = next_message(client);
   CHECK(answer.content == "answer" && answer.received.ppid == 0x4711 && answer.received.pool_element == 0x1111);
   CHECK(client.has_cookie());

   /* A message that is longer than the buffer comes in pieces. */
   CHECK(server.send(std::string(300, 'x'), rserpool::to(question.received)) == Sent::yes);
   const auto piece = client.receive(buffer, 200, patience);
   CHECK(piece && piece->is_data() && !piece->complete && piece->length == 200);
   CHECK(next_message(client).received.complete);

   client.close();
   CHECK(client.descriptor() == -1);
   const Event removed = next(server);
   CHECK(removed.received.kind == Kind::session_removed && removed.received.session == added.received.session);
   CHECK(server.send("too late", rserpool::to(question.received)) == Sent::lost);
   CHECK(server.send_business_card({server.name().identifier}) == 1);
   server.deregister();
   CHECK(thrown([&] { server.deregister(); }) == EBADF);
}

static void one_to_one_and_event_loops()
{
   PoolElement server = open_server("cpp-one", PoolElement::Style::one_to_one, 0);
   CHECK(server.name().identifier != 0);
   CHECK(!server.accept(rserpool::no_wait));
   PoolUser client;
   client.connect("cpp-one");

   pollfd polled = {server.descriptor(), POLLIN, 0};
   CHECK(poll(&polled, 1, 10000) == 1 && polled.revents == POLLIN);
   auto session = server.accept(patience);
   REQUIRE(session.has_value());
   CHECK(client.send("ping") == Sent::yes);
   CHECK(next(*session).content == "ping");
   CHECK(session->send_cookie("ponged once") == Sent::yes);
   CHECK(session->send("pong") == Sent::yes);
   CHECK(next_message(client).content == "pong");
   client.close();
   CHECK(next(*session).received.kind == Kind::end);
}

static void failover(bool automatic)
{
   const char* const pool  = automatic ? "cpp-automatic" : "cpp-classic";
   PoolElement       first = open_server(pool, PoolElement::Style::one_to_many, 0xaaaa);
   PoolUser          client;
   client.automatic_failover(automatic);
   client.resend(true);
   CHECK(client.option(RSERPOOL_AUTO_FAILOVER) == (automatic ? 1 : 0) && client.option(RSERPOOL_FAILOVER_RESEND) == 1);
   client.connect(pool);
   CHECK(client.send("one") == Sent::yes);
   const Event one = next_message(first);
   CHECK(first.send_cookie("after one", one.received.session) == Sent::yes);
   CHECK(first.send("got one", rserpool::to(one.received)) == Sent::yes);
   CHECK(next_message(client).content == "got one");

   PoolElement second = open_server(pool, PoolElement::Style::one_to_many, 0xbbbb);
   first.close();
   Event event = next(client);
   CHECK(event.received.kind == Kind::shutdown);
   event = next(client);
   CHECK(event.received.kind == Kind::failover_necessary && event.received.has_cookie);
   if(!automatic) {
      CHECK(client.send("nobody gets it") == Sent::lost);
      CHECK(client.force_failover());
   }
   CHECK(next(client).received.kind == Kind::failover_complete);
   CHECK(client.send("two") == Sent::yes);
   const Event cookie = next_message(second);
   CHECK(cookie.received.kind == Kind::cookie && cookie.content == "after one");
   CHECK(next_message(second).content == "two");
   CHECK(client.peer().identifier == 0xbbbb);
}

static void single_messages()
{
   PoolElement first  = open_server("cpp-single", PoolElement::Style::one_to_many, 0x5555);
   PoolElement second = open_server("cpp-single", PoolElement::Style::one_to_many, 0x6666);
   PoolUser    client;
   CHECK(thrown([&] { client.send_to_pool("x", "cpp-nobody"); }) == ENOENT);
   const auto one = client.send_to_pool("to one", "cpp-single", RSP_SEND_NO_FAILOVER, 0x6666);
   CHECK(one && one->elements == 1 && one->pool_element == 0x6666);
   CHECK(next_message(second).content == "to one");
   const auto all = client.send_to_pool("to all", "cpp-single", RSP_SEND_TO_ALL);
   CHECK(all && all->elements == 2);
   CHECK(next_message(first).content == "to all");
   const Event got = next_message(second);
   CHECK(got.content == "to all");
   CHECK(second.send("answer", rserpool::to(got.received)) == Sent::yes);
   const Event answer = next_message(client);
   CHECK(answer.content == "answer" && answer.received.pool_element == 0x6666);
}

/* What a pool holds, and what happens in it. */
static void watching_a_pool()
{
   CHECK(!rserpool::pool_info("cpp-watched"));
   CHECK(thrown([] { rserpool::pool_info(""); }) == EINVAL);
   CHECK(thrown([] { rserpool::Subscription empty(""); }) == EINVAL);
   rserpool::Subscription watched("cpp-watched");
   auto                   news = watched.changes(patience);
   CHECK(news && news->rpi_elements == 0 && news->rpi_policy == 0);
   CHECK(!watched.changes(rserpool::no_wait));

   PoolElement server = open_server("cpp-watched", PoolElement::Style::one_to_many, 0x7777);
   pollfd      polled = {watched.descriptor(), POLLIN, 0};
   CHECK(poll(&polled, 1, 10000) == 1);
   rserpool::Subscription moved(std::move(watched));
   CHECK(watched.descriptor() == -1);
   news = moved.changes(patience);
   CHECK(news && news->rpi_elements == 1 && news->rpi_element[0].rpe_identifier == 0x7777);
   CHECK(news && news->rpi_elements == 1 && news->rpi_element[0].rpe_change == RSP_ELEMENT_ADDED);
   const auto info = rserpool::pool_info("cpp-watched");
   CHECK(info && info->rpi_elements == 1 && info->rpi_element[0].rpe_identifier == 0x7777);
}

static void basic_mode()
{
   sockaddr_in address{};
   address.sin_family      = AF_INET;
   address.sin_port        = htons(7777);
   address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
   rsp_addrinfo element{};
   element.ai_family   = AF_INET;
   element.ai_socktype = SOCK_STREAM;
   element.ai_protocol = IPPROTO_SCTP;
   element.ai_addrlen  = sizeof(address);
   element.ai_addrs    = 1;
   element.ai_addr     = reinterpret_cast<sockaddr*>(&address);

   CHECK(rserpool::resolve("cpp-basic").empty());
   rserpool::register_element("cpp-basic", element, milliseconds(60000));
   const auto found = rserpool::resolve("cpp-basic", 10);
   REQUIRE(found.size() == 1 && found[0].addresses.size() == 1);
   CHECK(found[0].identifier == element.ai_pe_id && found[0].protocol == IPPROTO_SCTP && found[0].socktype == SOCK_STREAM);
   sockaddr_in same{};
   memcpy(&same, &found[0].addresses[0], sizeof(same));
   CHECK(same.sin_family == AF_INET && same.sin_port == htons(7777));
   rserpool::report_failure("cpp-basic", element.ai_pe_id);
   rserpool::deregister_element("cpp-basic", element.ai_pe_id);
   CHECK(rserpool::resolve("cpp-basic").empty());
}

static void errors_are_exceptions()
{
   PoolUser client;
   CHECK(thrown([&] { client.connect(""); }) == EINVAL);
   CHECK(thrown([&] { client.connect(std::string(33, 'x')); }) == ENAMETOOLONG);
   CHECK(thrown([&] { client.peer(); }) == ENOTCONN);
   CHECK(thrown([&] { client.option(4711); }) == ENOPROTOOPT);
   CHECK(thrown([&] { client.option(4711, 1); }) == ENOPROTOOPT);
   CHECK(thrown([&] { client.bind(nullptr, 1); }) == EFAULT);
   CHECK(thrown([&] { (void)client.receive(nullptr, 1, rserpool::no_wait); }) == EFAULT);
   CHECK(thrown([] { PoolUser wrong(AF_UNIX); }) == EAFNOSUPPORT);
   CHECK(thrown([] { rserpool::resolve(std::string(33, 'x')); }) == ENAMETOOLONG);
   CHECK(thrown([] { rserpool::report_failure("", 1); }) == EINVAL);
   CHECK(thrown([] { rserpool::deregister_element("", 1); }) == EINVAL);
   PoolElement server;
   CHECK(thrown([&] { (void)server.accept(rserpool::no_wait); }) == ENOTCONN);
   CHECK(thrown([&] { server.name(); }) == EBADF);
   CHECK(thrown([&] { server.register_in(""); }) == EINVAL);
   CHECK(server.session_parameters().sp_rto_max != 0);
   rserpool_session_parameters wanted{};
   wanted.sp_assoc_max_rxt = 3;
   CHECK(server.session_parameters(wanted).sp_assoc_max_rxt == 3);
}

static void handles_move()
{
   PoolUser  first;
   const int sd = first.descriptor();
   PoolUser  second(std::move(first));
   CHECK(!first && second && second.descriptor() == sd);
   CHECK(thrown([&] { first.connect("pool"); }) == EBADF);
   CHECK(thrown([&] { (void)first.send("x"); }) == EBADF); /* not Sent::lost: there is no socket */
   CHECK(thrown([&] { first.close(); }) == EBADF);
   PoolUser  third;
   const int replaced = third.descriptor();
   third              = std::move(second);
   CHECK(third.descriptor() == sd);
   FAILS(rsp_close(replaced), EBADF); /* what it had is closed */
   Session adopted(third.release());
   CHECK(!third && adopted.descriptor() == sd);
   {
      const Session scoped(std::move(adopted));
   }
   FAILS(rsp_close(sd), EBADF); /* closed at the end of the scope */
}

int main(int argc, char** argv)
{
   REQUIRE(argc >= 2);
   rserpool::Settings settings;
   CHECK(settings.argument(("-registrar=" + std::string(argv[1])).c_str()));
   CHECK(settings.argument("-asapannounce=off") && settings.argument("-transport=sctp-udp"));
   CHECK(!settings.argument("--not-ours"));
   CHECK(thrown([&] { (void)settings.argument("-registrar=nonsense"); }) == EINVAL);
   CHECK(settings.get()->ri_registrars != nullptr);
   CHECK(thrown([] { PoolUser early; }) == EACCES);
   {
      rserpool::Library       library(settings);
      const rserpool::Library moved(std::move(library));
      errors_are_exceptions();
      handles_move();
      one_to_many();
      one_to_one_and_event_loops();
      failover(false);
      failover(true);
      single_messages();
      watching_a_pool();
      basic_mode();
   }
   CHECK(thrown([] { PoolUser late; }) == EACCES);
   return finish("wrapper");
}
