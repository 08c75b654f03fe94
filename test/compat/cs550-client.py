#!/usr/bin/env python3
"""
The clients of the CS550 project, written from the wire that contract 3 describes: each request on a connection of its own, a JSON object without a newline;
the answer is whatever comes until the peer closes. A topic's home is found by its hash; where the home refuses the connection its first neighbour is asked
instead, with `replica_subscribe` for a subscribe and `replica_pull` for everything else.

    cs550-client.py PORT SCRIPT        PORT is that of peer 000
"""
import hashlib
import json
import socket
import sys
import time

BASE = int(sys.argv[1])


def home_of(topic):
    return int(hashlib.sha256(topic.encode()).hexdigest(), 16) % 8


def label(peer):
    return format(peer, "03b")


def send(peer, message):
    with socket.create_connection(("127.0.0.1", BASE + peer), timeout=30) as connection:
        connection.sendall(json.dumps(message).encode())
        answer = b""
        while True:
            part = connection.recv(4096)
            if not part:
                return answer.decode()
            answer += part


def ask_home(message):
    home = home_of(message.get("topic", message.get("topic_name")))
    try:
        return send(home, message)
    except ConnectionRefusedError:
        neighbour = home ^ 1
        print("Cannot connect to the original node as node has failed")
        print("Found a replica on %s Forwarding topic access to node %s" % (label(neighbour), label(neighbour)))
        action = "replica_subscribe" if message["action"] == "subscribe" else "replica_pull"
        return send(neighbour, dict(message, action=action))


def show(what, answer):
    print("%s Response: %s" % (what, answer), flush=True)


def create_publisher(publisher):
    show("Create Publisher", send(0, {"action": "create_publisher", "publisher_id": publisher}))


def create_subscriber(subscriber):
    show("Create Subscriber", send(0, {"action": "create_subscriber", "subscriber_id": subscriber}))


def create_topic(publisher, topic, field="topic"):
    show("Create Topic", ask_home({"action": "create_topic", "publisher_id": publisher, field: topic}))


def publish(publisher, topic, content):
    show("Publish Message", ask_home({"action": "publish", "publisher_id": publisher, "topic": topic, "content": content}))


def subscribe(subscriber, topic):
    show("Subscribe", ask_home({"action": "subscribe", "subscriber_id": subscriber, "topic": topic}))


def pull(subscriber, topic):
    show("Pull Message", ask_home({"action": "pull", "subscriber_id": subscriber, "topic": topic}))


def delete_topic(publisher, topic):
    show("Delete Topic", ask_home({"action": "delete_topic", "publisher_id": publisher, "topic": topic}))


def stop_home(topic, flag=True):
    show("STOP Node", send(home_of(topic), {"action": "stop_node", "flag": flag}))


def all_api():
    create_publisher("publisher1")
    create_subscriber("subscriber1")
    create_topic("publisher1", "news", "topic_name")
    publish("publisher1", "news", "New president has been elected")
    subscribe("subscriber1", "news")
    pull("subscriber1", "news")
    delete_topic("publisher1", "news")


def failure():
    create_publisher("publisher1")
    create_subscriber("subscriber1")
    create_topic("publisher1", "news")
    publish("publisher1", "news", "New president has been elected")
    stop_home("news")
    time.sleep(11)
    subscribe("subscriber1", "news")
    pull("subscriber1", "news")


def fetch_replica():
    create_publisher("publisher1")
    create_subscriber("subscriber1")
    create_topic("publisher1", "news")
    publish("publisher1", "news", "New president has been elected")
    stop_home("news")
    subscribe("subscriber1", "news")
    pull("subscriber1", "news")


def fault_tolerance():
    create_topic("pub1", "news")
    publish("pub1", "news", "Important update")
    stop_home("news")
    for port in (8002, 8003, 8004):
        answer = ask_home({"action": "pull", "subscriber_id": "sub1", "topic": "news"})
        print("Node at port %d: %s" % (port, answer))


def dead_home():
    """What else an old client does while a home is down."""
    create_topic("pub1", "cricket")
    stop_home("cricket", False)
    publish("pub1", "cricket", "while the home was down")
    pull("sub1", "cricket")
    create_topic("pub1", "cricket")
    delete_topic("pub1", "cricket")
    send(0, {"action": "start_new", "node_id": label(home_of("cricket")), "port": BASE + home_of("cricket")})


SCRIPTS = {each.__name__: each for each in (all_api, failure, fetch_replica, fault_tolerance, dead_home)}
SCRIPTS[sys.argv[2]]()
