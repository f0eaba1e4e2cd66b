# Las páginas que ve un visitante: quien sigue un enlace de un boletín o rellena un formulario. Se le trata de usted.

# {$organisation} es el nombre de la empresa.
thanks = { $organisation } ha recibido lo que nos ha enviado. Si le llega un correo nuestro que le pide confirmarlo, hágalo: así sabremos que viene de usted.
    .title = Gracias

answer-chosen = Su respuesta
answer-again = Esta página se abrió hace mucho tiempo, o no con un navegador. Pulse el botón una vez más, por favor.
answer-send = Enviar esta respuesta
answer-note = { $organisation } solo la recibe cuando pulse el botón. Si prefiere otra respuesta, elíjala en el correo.
# Una respuesta citada.
quoted = «{ $text }»
answer-noted = Hemos anotado: { $said }.
answer-change = Puede cambiarla eligiendo otra respuesta en el correo.
# {$number} es cuántas preguntas siguen, una o dos.
answer-more = { $number ->
    [one] Una pregunta más, si quiere
   *[other] { $number } preguntas más, si quiere
}
answer-more-send = Enviar
already-noted = Ya habíamos anotado sus respuestas.
    .title = Gracias
nothing-more = No había nada más que anotar.
    .title = Gracias

unsubscribe = Pulse una vez y { $organisation } no le enviará más boletines. No hay que rellenar nada.
    .title = ¿No quiere más boletines?
unsubscribe-name = Darse de baja
unsubscribe-button = Darme de baja
unsubscribe-mistake = Si ha llegado aquí por error, cierre esta página.
unsubscribed = No recibirá más boletines de { $organisation }. Puede que aún le llegue un correo que ya estaba en camino.
    .title = Se ha dado de baja

test-copy-answer = Ahora se anotaría su respuesta.
    .title = Esta era una copia de prueba
test-copy-unsubscribe = Ahora se le daría de baja.
    .title = Esta era una copia de prueba

unknown-link = Puede que un programa de correo lo haya cortado en dos. Ábralo otra vez desde el correo o cópielo entero.
    .title = Este enlace no lleva a ninguna parte

# Un enlace nuestro cuyo correo ya no consta.
lost-mail = El registro de este correo se perdió cuando hubo que restaurar una base de datos de { $organisation } desde una copia. No se ha anotado nada. Para decirle algo a { $organisation }, responda al correo.
    .title = Ya no conocemos este correo

# Donde no se puede leer un enlace de baja, se escribe la dirección.
unsubscribe-typed = Este enlace no nos dice de quién es. Escriba la dirección que recibe los boletines y { $organisation } no le enviará más.
    .title = ¿No quiere más boletines?
unsubscribe-typed-again = Eso no es una dirección de correo. Escriba la que recibe los boletines.
unsubscribe-typed-address = Su dirección de correo

no-such-form = No hemos recibido lo que ha rellenado: esta página lo envía a un formulario que no existe. Póngase en contacto con { $organisation } por otro medio.
    .title = Ese formulario no existe
form-not-readable = No hemos recibido lo que ha rellenado: se envió de una manera que no podemos leer. Póngase en contacto con { $organisation } por otro medio.
    .title = No se ha podido leer el formulario
form-too-large = Puede tener 60 campos y 16 KB en total, sin archivos. Vuelva atrás y acórtelo.
    .title = El formulario es demasiado grande
form-stamp-forged = No hemos recibido lo que ha rellenado: la página de la que venía no era nuestra. Vuelva atrás, cargue la página de nuevo y envíelo otra vez, por favor.
    .title = No se ha podido aceptar el formulario
form-trapped = Parece que lo ha rellenado un programa. Vuelva atrás y deje vacío el campo que lo indica: las personas no lo ven.
    .title = No se ha podido aceptar el formulario
form-address-refused = No podemos responder a esta dirección de correo. Vuelva atrás e indique la suya, por favor, para que podamos responderle.
    .title = Otra dirección de correo, por favor
form-without-address = Vuelva atrás y escriba una dirección de correo para que podamos responderle.
    .title = Falta su dirección de correo

# Se pregunta a quien lee el correo de una dirección si fue quien la escribió. {$day} es cuándo se rellenó el formulario {$form}.
confirm = El { $day } se introdujo su dirección en el formulario «{ $form }» de { $organisation }.
    .title = ¿Fue usted?
confirm-with = El { $day } se introdujo su dirección en el formulario «{ $form }» de { $organisation }, con estos datos:
confirm-button = Sí, fui yo
# Varios formularios esperan la respuesta de una dirección; cada uno tiene una casilla.
confirm-several = Su dirección se introdujo en varios formularios de { $organisation }. Marque, por favor, los que rellenó usted.
confirm-one = El { $day }, en el formulario «{ $form }»:
confirm-button-ticked = Sí, los marcados son míos
# Un formulario dice que la dirección no quiere correo.
confirm-no-mail = No más boletines de { $organisation }.
confirm-mistake = Si no fue usted, o algo de esto no es suyo, cierre esta página: { $organisation } no lo tomará como dicho por usted.
confirmed = Queda confirmado: ahora sabemos que viene de usted.
    .title = Gracias
form-expired = Lo que se rellenó se guardó durante treinta días y se ha borrado. Puede enviarlo de nuevo.
    .title = Este enlace ha caducado

# El correo que lo pregunta.
confirm-subject = { $organisation }: ¿ha rellenado usted nuestro formulario?
confirm-hello = Hola:
confirm-entered = El { $day } se introdujo esta dirección en el formulario «{ $form }» de { $organisation }.
confirm-please = Si fue usted, confírmelo, por favor; así sabremos que viene de usted y podremos responderle:
confirm-link = Ver lo que se introdujo y confirmarlo
# {$day} es el último día.
confirm-until = La página que se abre muestra lo que se introdujo y le pide que pulse un botón. El enlace sirve una sola vez, hasta el { $day }.
confirm-not-you = Si no fue usted, no tiene que hacer nada. Sin su respuesta no tomamos nada de lo introducido como dicho por usted, ni le enviamos nada por ello.
confirm-why = Este correo se lo envía un programa, porque alguien introdujo allí su dirección. No es un boletín.

long-link = Ábralo otra vez desde el correo, por favor.
    .title = Este enlace es demasiado largo
other-host = Aquí no hay nada con ese nombre.
    .title = Este es otro servidor
unmeasured = Debe indicar su longitud, como hacen los navegadores (Content-Length). No se ha cambiado nada.
    .title = No se ha podido leer
too-large = Envíe menos de una vez, por favor. No se ha cambiado nada.
    .title = Es demasiado grande
too-slow = No se ha cambiado nada. Envíelo otra vez, por favor.
    .title = Ha tardado demasiado
broken = No se ha cambiado nada. Envíelo otra vez, por favor.
    .title = No se ha podido leer

# {$minutes} es dentro de cuántos minutos se puede volver a intentar.
too-many = Ha sido un poco demasiado de una vez. Vuelva a intentarlo { $minutes ->
    [one] dentro de un minuto
   *[other] dentro de { $minutes } minutos
}. No se ha cambiado nada.
    .title = Espere un momento
unavailable = Algo no funciona por nuestra parte. No se ha cambiado nada.
    .title = Vuelva a intentarlo

# Un día: {$day}, {$month} del 1 al 12, {$year}.
day = { $day } de { $month ->
    [1] enero
    [2] febrero
    [3] marzo
    [4] abril
    [5] mayo
    [6] junio
    [7] julio
    [8] agosto
    [9] septiembre
    [10] octubre
    [11] noviembre
   *[12] diciembre
} de { $year }

# The mail to somebody who asked, in their own words, for no more newsletters.
stopped-title = No más boletines
stopped-hello = Hola:
stopped-heard = Como nos ha pedido, { $organisation } ya no le envía más boletines. Es posible que aún le llegue algún correo que ya estaba en camino.
stopped-mistake = Si le hemos entendido mal, responda a este correo y lo leerá una persona. No tiene que hacer nada más.
stopped-subject = { $organisation }: ya no recibirá boletines

# La página propia de cada persona. {$address} es su dirección sin la primera parte, salvo una letra.
preferences-name = Sus preferencias
preferences-whose = Esta página trata de los boletines de { $organisation } que llegan a { $address }. No se cambia nada hasta que pulse un botón.
preferences-stopped = Ahora no recibe boletines de { $organisation }. Lo que elija aquí valdrá si vuelve a pedirlos.
preferences-again = Esta página no se envió con un navegador. Pulse el botón una vez más, por favor.
preferences-topics = Sobre qué quiere leer
preferences-rhythm = Con qué frecuencia
# {$number} es cuántos boletines llegan como mucho en {$days} días.
preferences-less-often = { $number ->
    [one] Menos a menudo: como mucho un boletín cada { $days } días
   *[other] Menos a menudo: como mucho { $number } boletines cada { $days } días
}
preferences-pause = Una pausa
preferences-pause-none = Sin pausa
preferences-pause-keep = En pausa hasta el { $day }
preferences-pause-end = Terminar la pausa ahora
# {$number} es 1, 3 o 6.
preferences-pause-months = { $number ->
    [one] Durante un mes
   *[other] Durante { $number } meses
}
preferences-pause-day = Hasta el día indicado aquí:
preferences-day = El día
preferences-day-again = No se ha guardado nada: una pausa termina un día que aún no ha llegado, dentro de un año como mucho. Indique uno, por favor.
preferences-language = Idioma
preferences-tracking = Lo que pulsa
preferences-tracking-means = { $organisation } puede anotar qué enlaces de sus boletines abre usted. Así se ve qué le interesa, y una persona le llama cuando le merezca la pena, y no antes.
preferences-tracking-stop = No anotarlo más
preferences-tracking-off = Ahora no se anota.
# El texto de un consentimiento: se guarda tal como se mostró.
preferences-tracking-agree = Acepto que { $organisation } anote qué enlaces de sus boletines abro, para ver qué me interesa. Puedo retirarlo aquí en cualquier momento.
preferences-save = Guardar
preferences-address = Otra dirección
preferences-address-field = Su nueva dirección de correo
preferences-address-note = { $organisation } envía primero un correo a esa dirección. No se cambia nada hasta que se responda.
preferences-address-button = Escribir a esta dirección
preferences-address-again = Eso no es una dirección de correo a la que podamos escribir. Escriba otra, por favor.
preferences-stop-button = Darme de baja de todo

# Lo que se cambió allí.
preferences-changed = { $organisation } ha anotado:
    .title = Guardado
preferences-did-refuse = No más boletines sobre { $topic }
preferences-did-want = Boletines sobre { $topic }
preferences-did-less = { $number ->
    [one] Como mucho un boletín cada { $days } días
   *[other] Como mucho { $number } boletines cada { $days } días
}
preferences-did-as-often = Todos los boletines, según salgan
preferences-did-pause = Ningún boletín hasta el { $day }
preferences-did-resume = La pausa ha terminado
# {$language} es su nombre en el propio idioma: «English», «Español».
preferences-did-language = Idioma: { $language }
preferences-did-track = Se puede anotar qué enlaces abre
preferences-did-untrack = Ya no se anota qué enlaces abre. Si vuelve a aceptarlo, marque la casilla en su página.
preferences-same = Todo está como estaba.
    .title = No se ha cambiado nada
preferences-undo = Deshacerlo
preferences-undone = { $organisation } ha retirado su último cambio.
    .title = Todo está como antes
preferences-late = Ha pasado demasiado tiempo, o desde entonces se cambió otra cosa. Cámbielo en la propia página, por favor.
    .title = Esto ya no se puede deshacer
preferences-mistake = Ha sido un error: sigan escribiéndome
preferences-kept = Seguirá recibiendo boletines de { $organisation }.
    .title = Nos alegra que siga
preferences-back = A sus preferencias
# {$days} es cuánto tiempo se puede responder al correo.
preferences-asked = { $organisation } pregunta a la dirección que ha indicado, si se le puede escribir. Los boletines irán allí cuando haya respondido. Tiene { $days } días; hasta entonces todo sigue igual.
    .title = Preguntamos a su nueva dirección

# Un enlace a esa página que no lleva a nadie. Dice lo mismo a cualquiera.
preferences-lost = No tenemos nada que mostrar para este enlace. Si recibe boletines de { $organisation }, abra el enlace del más reciente, por favor. Para dejar de recibirlos, también puede escribir aquí su dirección.
    .title = Este enlace ya no lleva a ninguna parte

test-copy-preferences = Ahora se guardaría.
    .title = Esta era una copia de prueba

# Se pregunta a una dirección si los boletines deben ir allí. {$address} es a la que van ahora, sin la primera parte, salvo una letra.
readdress = Quien recibe los boletines de { $organisation } en { $address } pide recibirlos desde ahora en la dirección de usted.
    .title = ¿Le escribimos aquí?
readdress-button = Sí, escríbanme aquí
readdress-mistake = Si no fue usted, cierre esta página: entonces no se cambia nada y { $organisation } no le escribe.
readdressed = Desde ahora { $organisation } le escribe a esta dirección. Se avisa a la antigua, por si no fue usted.
    .title = Gracias
readdress-taken = { $organisation } ya conoce esta dirección, así que no se ha cambiado nada. Responda al último boletín, por favor, y una persona lo arreglará.
    .title = Esta dirección ya se conoce
readdress-subject = { $organisation }: ¿le escribimos aquí?
readdress-link = Ver lo que se pide y responder
readdress-why = Este correo se lo envía un programa, porque alguien introdujo allí su dirección. No es un boletín.

# El correo a la dirección a la que iban los boletines.
readdressed-subject = { $organisation }: sus boletines van a otra dirección
readdressed-told = Como se pidió en la página de sus preferencias, y como la otra dirección ha respondido, los boletines de { $organisation } ya no llegan aquí.
readdressed-mistake = Si no fue usted, indique esta dirección en la página de sus preferencias, y volverán a llegar aquí:
