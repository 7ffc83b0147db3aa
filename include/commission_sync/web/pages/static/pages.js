"use strict";
(() => {
  const say = (id, text) => {
    for (const each of ["told", "failed"]) document.getElementById(each).textContent = each === id ? text : "";
  };

  const inText = (answer) => {
    if (answer.status === 0) return "The server did not answer; nothing is known of what was asked.";
    try {
      const said = JSON.parse(answer.responseText).detail;
      return typeof said === "string" ? said : said.map((each) => each.msg).join("; ");
    } catch {
      return `It failed (HTTP ${answer.status}); the server's log says why.`;
    }
  };

  document.addEventListener("htmx:afterRequest", ({ detail }) => {
    const told = detail.xhr.getResponseHeader("X-Told");
    if (told) say("told", decodeURIComponent(told));
    // A part that is fetched every few seconds must not shout over what a person reads.
    else if (!detail.successful && detail.requestConfig.verb !== "get") say("failed", inText(detail.xhr));
  });

  // window.confirm() is not there inside a sandboxed frame.
  document.addEventListener("htmx:confirm", (event) => {
    if (!event.detail.question) return;
    event.preventDefault();
    const ask = document.getElementById("ask");
    document.getElementById("ask-question").textContent = event.detail.question;
    ask.returnValue = "no";
    ask.addEventListener("close", () => ask.returnValue === "yes" && event.detail.issueRequest(true), { once: true });
    ask.showModal();
  });
})();
