// Passkeys: a button asks our server for a challenge, the browser for the answer, and puts it into a hidden field.

const toBytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (one) => one.charCodeAt(0));
const toText = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)))
  .replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

const readDescriptors = (list) => (list || []).map((one) => ({ ...one, id: toBytes(one.id) }));

async function makePasskey(options) {
  const made = await navigator.credentials.create({ publicKey: {
    ...options,
    challenge: toBytes(options.challenge),
    user: { ...options.user, id: toBytes(options.user.id) },
    excludeCredentials: readDescriptors(options.excludeCredentials),
  } });
  return {
    id: made.id, rawId: toText(made.rawId), type: made.type, clientExtensionResults: {},
    response: {
      attestationObject: toText(made.response.attestationObject),
      clientDataJSON: toText(made.response.clientDataJSON),
      transports: made.response.getTransports ? made.response.getTransports() : [],
    },
  };
}

async function askPasskey(options) {
  const given = await navigator.credentials.get({ publicKey: {
    ...options,
    challenge: toBytes(options.challenge),
    allowCredentials: readDescriptors(options.allowCredentials),
  } });
  const { authenticatorData, clientDataJSON, signature, userHandle } = given.response;
  return {
    id: given.id, rawId: toText(given.rawId), type: given.type, clientExtensionResults: {},
    response: {
      authenticatorData: toText(authenticatorData), clientDataJSON: toText(clientDataJSON),
      signature: toText(signature), userHandle: userHandle ? toText(userHandle) : null,
    },
  };
}

async function answer(button) {
  const reply = await fetch(button.dataset.passkey, { headers: { Accept: "application/json" } });
  if (!reply.ok) throw new Error(`answer ${reply.status}`);
  const { options, challenge } = await reply.json();
  const credential = await (options.user ? makePasskey(options) : askPasskey(options));
  const field = button.parentElement.querySelector("[data-passkey-answer]");
  field.value = JSON.stringify({ challenge, credential });
}

// The first field that has to be filled in before a key is made; a passkey stands for the password and the code, a
// recovery code for the code.
function findEmpty(button) {
  const fields = button.form ? button.form.elements : {};
  const proven = [...button.form?.querySelectorAll("[data-passkey-answer]") ?? []].some((one) => one.value);
  const isFilled = (name) => Boolean(fields[name]?.value.trim());
  const stands = (name) => (proven && /_(password|code)$/.test(name)) || isFilled(name.replace(/_code$/, "_recovery_code"));
  return fields[(button.dataset.needs || "").split(" ").find((name) => fields[name] && !isFilled(name) && !stands(name))];
}

for (const button of document.querySelectorAll("[data-passkey]:not([data-ready])")) {
  button.dataset.ready = "";
  if (!window.PublicKeyCredential) continue;
  const word = button.parentElement.querySelector("[data-passkey-word]");
  const field = button.parentElement.querySelector("[data-passkey-answer]");
  button.hidden = false;
  // Enter in a field of a form that the passkey sends asks for the passkey, as its button does.
  if (button.dataset.then === "submit") button.form.addEventListener("submit", (event) => {
    if (field.value || (event.submitter && !event.submitter.matches("[data-passkey-default]"))) return;
    event.preventDefault();
    if (!button.disabled) button.click();
  });
  button.addEventListener("click", async () => {
    const needed = findEmpty(button);
    if (needed) {
      word.textContent = button.dataset.missing;
      return needed.focus();
    }
    button.disabled = true;
    word.textContent = "";
    try {
      await answer(button);
      word.textContent = button.dataset.done;
      if (button.dataset.then === "submit") button.form.requestSubmit();
    } catch (problem) {
      // A key that is there already; closed by the person or left alone, which browsers do not tell apart; any other.
      const said = { InvalidStateError: "known", NotAllowedError: "closed" }[problem.name];
      word.textContent = button.dataset[said || "failed"];
    }
    button.disabled = false;
  });
}
