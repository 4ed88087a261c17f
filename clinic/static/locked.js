// The lock page goes on by itself when the same person has unlocked the screen in another window.
const { address } = document.querySelector("script[data-address]").dataset;
document.addEventListener("visibilitychange", async () => {
  if (document.hidden) return;
  const answer = await fetch(address, { cache: "no-store", headers: { "X-Background": "1" } });
  if ((await answer.json()).left) location.reload(); // /locked leads on
});
