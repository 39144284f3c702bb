/*
 * Server and client in C++, with <rserpool/rserpool.hpp>: the server numbers the lines of each client, and the numbers go on
 * when another server takes over, because each answer comes with the number so far as a cookie.
 *
 *     counter server -registrar=127.0.0.1:3863     (as often as you like)
 *     counter client -registrar=127.0.0.1:3863     (reads lines; kill servers meanwhile)
 *
 * A line that is repeated after a failover may be counted twice: call_control.h shows how to prevent it.
 */
#include <rserpool/rserpool.hpp>

#include <chrono>
#include <cinttypes>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>
#include <unordered_map>

namespace {

const char* const      pool = "CounterPool";
volatile std::sig_atomic_t stop;

using rserpool::Received;
using rserpool::Sent;

class Counter {
public:
   Counter()
   {
      element_.listen();
      element_.register_in(pool);
      std::printf("serving pool \"%s\" as 0x%08" PRIx32 "; Ctrl-C stops\n", pool, element_.name().identifier);
   }

   void serve()
   {
      char buffer[65536];
      while(!stop) {
         const auto got = element_.receive(buffer, sizeof(buffer), std::chrono::milliseconds(500));
         if(got) {
            handle(*got, std::string(buffer, got->length));
         }
      }
      element_.deregister();
   }

private:
   void handle(const Received& got, const std::string& content)
   {
      switch(got.kind) {
         case Received::Kind::data:
            answer(got, content);
            break;
         case Received::Kind::cookie: /* the client was another server's: here is what that one knew */
            counts_[got.session] = std::strtoul(content.c_str(), nullptr, 10);
            break;
         case Received::Kind::session_removed:
            counts_.erase(got.session);
            break;
         default:
            break;
      }
   }

   void answer(const Received& got, const std::string& line)
   {
      const std::string count = std::to_string(++counts_[got.session]);
      /* First the state, then the answer: whoever has the answer also has the state that goes with it. */
      if(element_.send_cookie(count, got.session) != Sent::yes || element_.send(count + " " + line, to(got)) != Sent::yes) {
         counts_.erase(got.session); /* the client is gone, or does not read */
      }
   }

   rserpool::PoolElement                                 element_;
   std::unordered_map<rserpool_session_t, unsigned long> counts_;
};

/* Waits for an answer; empty: there is none. What else comes is about failovers, which the library sees to. */
std::string receive_answer(rserpool::PoolUser& user)
{
   char buffer[65536];
   while(const auto got = user.receive(buffer, sizeof(buffer), std::chrono::seconds(20))) {
      if(got->is_data()) {
         return std::string(buffer, got->length);
      }
   }
   return std::string();
}

int use()
{
   rserpool::PoolUser user;
   user.automatic_failover(true);
   user.resend(true);
   user.connect(pool);
   for(std::string line; std::getline(std::cin, line);) {
      if(line.empty()) {
         continue; /* no message is empty */
      }
      if(user.send(line) != Sent::yes) {
         std::cerr << "cannot send: " << rsp_last_error() << "\n";
         return 1;
      }
      const std::string answer = receive_answer(user);
      if(answer.empty()) {
         std::cerr << "no answer\n";
         return 1;
      }
      std::cout << answer << std::endl;
   }
   return 0;
}

} /* namespace */

int main(int argc, char** argv)
{
   try {
      const std::string  mode = (argc > 1) ? argv[1] : "";
      rserpool::Settings settings;
      for(int i = 2; i < argc; i++) {
         if(!settings.argument(argv[i])) {
            std::cerr << argv[0] << ": unknown argument " << argv[i] << "\n";
            return 2;
         }
      }
      if(mode != "server" && mode != "client") {
         std::cerr << "usage: " << argv[0] << " server|client [-registrar=ADDRESS:PORT]\n";
         return 2;
      }
      std::setvbuf(stdout, nullptr, _IOLBF, 0);
      std::signal(SIGINT, [](int) { stop = 1; });
      std::signal(SIGTERM, [](int) { stop = 1; });
      const rserpool::Library library(settings);
      if(mode == "client") {
         return use();
      }
      Counter().serve();
      return 0;
   }
   catch(const std::exception& error) {
      std::cerr << argv[0] << ": " << error.what() << "\n";
      return 1;
   }
}
