from django.urls import path

from shop import views

urlpatterns = [
    path("log", views.log),
    path("fail", views.fail),
    path("sleep", views.sleep),
    path("killed", views.killed),
]
