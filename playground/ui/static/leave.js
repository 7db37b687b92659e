// The way out of somebody else's page: asked once, then the entrance. Who could not leave is told so, and stays.
document.addEventListener("click", async (event) => {
  const button = event.target.closest?.("#pg-leave");
  if (!button || !window.confirm(playground.word(button.dataset.ask))) return;
  const answer = await fetch("leave", { method: "POST" }).catch(() => null);
  if (answer && (answer.ok || answer.status === 401)) location.replace("enter");
  else window.alert(playground.word("leave_failed"));
});
